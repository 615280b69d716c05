#!/usr/bin/env python3
"""Writes the Grafana dashboards, the Prometheus alert rules and the rules' tests from what is described below and in alerts.py.

    ./dashboards/make.py           write them
    ./dashboards/make.py --check   fail if a file is not what would be written

Hand-written JSON for Grafana is long, and drifts: here a panel is what differs from other panels.
"""

import json
import sys
from pathlib import Path

from alerts import rules, tests

HERE = Path(__file__).resolve().parent
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24


class Dashboard:
    """Panels in reading order, placed from left to right in rows."""

    def __init__(self, name, title, about, variables=()):
        self.name, self.title, self.about, self.variables = name, title, about, variables
        self.panels, self.x, self.y, self.row_height = [], 0, 0, 0

    def row(self, title):
        self.end_row()
        self.panels.append({"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"x": 0, "y": self.y, "w": WIDTH, "h": 1}})
        self.y += 1

    def end_row(self):
        self.y += self.row_height
        self.x = self.row_height = 0

    def panel(self, kind, title, about, unit, targets, width, height, options, custom=None, thresholds=None):
        if self.x + width > WIDTH:
            self.end_row()
        steps = [{"color": "green", "value": None}] + [{"color": color, "value": value} for value, color in thresholds or ()]
        defaults = {"unit": unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}}
        defaults["color"] = {"mode": "thresholds" if kind in ("stat", "bargauge") else "palette-classic"}
        if custom:
            defaults["custom"] = custom
        self.panels.append({
            "type": kind,
            "title": title,
            "description": about,
            "datasource": SOURCE,
            "gridPos": {"x": self.x, "y": self.y, "w": width, "h": height},
            "fieldConfig": {"defaults": defaults, "overrides": []},
            "options": options,
            "targets": [
                {"refId": chr(ord("A") + at), "datasource": SOURCE, "expr": expr, "legendFormat": legend, "range": kind == "timeseries", "instant": kind != "timeseries"}
                for at, (expr, legend) in enumerate(targets)
            ],
        })
        self.x += width
        self.row_height = max(self.row_height, height)

    def graph(self, title, about, unit, *targets, width=8, height=8, stacked=False):
        custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 30 if stacked else 8, "showPoints": "never", "spanNulls": False}
        custom["stacking"] = {"mode": "normal" if stacked else "none", "group": "A"}
        options = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}, "tooltip": {"mode": "multi", "sort": "desc"}}
        self.panel("timeseries", title, about, unit, targets, width, height, options, custom)

    def number(self, title, about, unit, expr, legend="", thresholds=None, width=4):
        options = {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto", "textMode": "auto",
        }
        self.panel("stat", title, about, unit, [(expr, legend)], width, 4, options, thresholds=thresholds)

    def json(self):
        variables = [{"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0, "current": {}, "refresh": 1, "regex": ""}]
        for name, label, query in self.variables:
            variables.append({
                "name": name, "label": label, "type": "query", "datasource": SOURCE, "query": {"query": query, "refId": name}, "definition": query,
                "includeAll": True, "allValue": ".*", "multi": True, "current": {"text": ["All"], "value": ["$__all"]}, "refresh": 2, "sort": 1, "hide": 0,
            })
        return {
            "uid": f"herald-{self.name}", "title": f"Herald: {self.title}", "description": self.about, "tags": ["herald"],
            "schemaVersion": 39, "version": 1, "editable": True, "graphTooltip": 1, "timezone": "browser", "refresh": "30s",
            "time": {"from": "now-3h", "to": "now"}, "timepicker": {}, "annotations": {"list": []},
            "links": [{"type": "dashboards", "title": "Herald", "tags": ["herald"], "asDropdown": False, "includeVars": True, "keepTime": True, "icon": "external link", "targetBlank": False, "tooltip": "", "url": ""}],
            "templating": {"list": variables},
            "panels": [{"id": at + 1, **panel} for at, panel in enumerate(self.panels)],
        }


def rate(metric, by="", where=""):
    return f"sum by ({by}) (rate({metric}{{{where}}}[$__rate_interval]))" if by else f"sum(rate({metric}{{{where}}}[$__rate_interval]))"


def quantile(q, metric, by="", where=""):
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, sum by ({labels}) (rate({metric}_bucket{{{where}}}[$__rate_interval])))"


def fleet():
    board = Dashboard("fleet", "fleet", "Which processes run, what they use, and whether what they stand on answers.")
    board.row("Now")
    board.number("Live workers", "Workers that take jobs. Schedulers read this from the ledger; `herald up` has none to show.", "none",
                 'max(herald_workers{state="running"})', thresholds=[])
    board.number("Quiet workers", "Workers that were asked to take no more jobs, or are stopping.", "none",
                 'sum(max by (state) (herald_workers{state=~"quiet|stopping"}))')
    board.number("Schedulers", "One is enough; two let one be away.", "none", 'count(herald_build_info{role=~"scheduler|up"})')
    board.number("APIs", "Processes that answer requests.", "none", 'count(herald_build_info{role=~"api|up"})')
    board.number("Versions", "More than one for longer than an upgrade takes: somebody was forgotten.", "none",
                 "count(count by (version) (herald_build_info))", thresholds=[(2, "orange")])
    board.number("Longest wait", "The job that has been due longest, over all queues.", "s",
                 "max(herald_queue_oldest_due_age_seconds)", thresholds=[(60, "orange"), (300, "red")])
    board.row("Work")
    board.graph("Attempts", "Attempts that ended, by what was written in the ledger.", "ops", (rate("herald_jobs_total", "outcome"), "{{outcome}}"), stacked=True)
    board.graph("Running", "Attempts that run now, and how many could.", "none",
                ("sum by (queue) (herald_jobs_running)", "{{queue}} running"), ("sum by (queue) (herald_jobs_at_once)", "{{queue}} room"))
    board.graph("Dispatch", "Jobs leased and put on the wire, and rounds that failed.", "ops",
                (rate("herald_dispatched_total"), "dispatched"), (rate("herald_dispatch_errors_total"), "failed rounds"))
    board.graph("Schedules", "Jobs made by the calendar, and ticks that got none of their own.", "none",
                ("sum(increase(herald_schedule_fired_total[$__rate_interval]))", "fired"), ("sum(increase(herald_schedule_missed_total[$__rate_interval]))", "missed"),
                ("sum(increase(herald_schedule_overlapped_total[$__rate_interval]))", "left out: the job before was not finished"))
    board.graph("Schedules in trouble", "Schedules that cannot make their job, rounds that failed, clocks set back.", "none",
                ("sum(increase(herald_schedule_broken_total[$__rate_interval]))", "broken"), ("sum(increase(herald_schedule_errors_total[$__rate_interval]))", "failed rounds"),
                ("sum(increase(herald_clock_set_back_total[$__rate_interval]))", "clock set back"))
    board.graph("Lateness of schedules", "From a tick to its job, 95 of 100.", "s",
                ("histogram_quantile(0.95, sum by (le) (rate(herald_schedule_lateness_seconds_bucket[$__rate_interval])))", "p95"))
    board.row("Losses: flat lines but for restarts")
    board.graph("Leases", "Jobs that came back because their worker or the wire lost them; attempts that noticed it themselves.", "none",
                ("sum(increase(herald_leases_expired_total[$__rate_interval]))", "expired"), ("sum(increase(herald_wire_lost_total[$__rate_interval]))", "lost on the wire"),
                ("sum(increase(herald_leases_lost_total[$__rate_interval]))", "noticed by the worker"))
    board.graph("Drawing processes", "Those that ended before their time, by reason: a picture or a template wants too much memory or time, or a run was cancelled.", "none",
                ("sum by (reason) (increase(herald_studio_ended_total[$__rate_interval]))", "{{reason}}"))
    board.graph("Stale outcomes", "Outcomes that came too late and changed nothing.", "none", ("sum(increase(herald_stale_outcomes_total[$__rate_interval]))", "stale"))
    board.graph("Redis", "Commands that failed and connections that broke.", "none",
                ("sum by (instance) (increase(herald_redis_errors_total[$__rate_interval]))", "errors {{instance}}"),
                ("sum by (instance) (increase(herald_redis_disconnects_total[$__rate_interval]))", "disconnects {{instance}}"))
    board.row("Database")
    board.graph("Beginning a transaction", "Waiting for a connection of the pool and for the database: the first sign that it is slow.", "s",
                (quantile(0.5, "herald_db_begin_seconds"), "half"), (quantile(0.95, "herald_db_begin_seconds"), "95 %"), (quantile(0.99, "herald_db_begin_seconds"), "99 %"))
    board.graph("Connections", "Used by each process, and the most it may have (database.max_connections).", "none",
                ('herald_db_connections{state="used"}', "{{instance}} used"), ('herald_db_connections{state="open"}', "{{instance}} open"), ('herald_db_connections{state="limit"}', "{{instance}} limit"))
    board.graph("Errors", "By class: transient (away, busy), full (its disk), other (a fault to report).", "ops", (rate("herald_db_errors_total", "class"), "{{class}}"))
    board.row("Processes")
    board.graph("Processor", "Cores used by each process.", "none", ("rate(process_cpu_seconds_total[$__rate_interval])", "{{instance}}"), width=6)
    board.graph("Memory", "In RAM.", "bytes", ("process_resident_memory_bytes", "{{instance}}"), width=6)
    board.graph("Open files", "Share of what the process may open.", "percentunit", ("process_open_fds / process_max_fds", "{{instance}}"), width=6)
    board.graph("Room on the disk", "Free share of the file system that holds the data folder.", "percentunit",
                ('herald_disk_bytes{what="free"} / ignoring (what) herald_disk_bytes{what="total"}', "{{instance}}"), width=6)
    board.graph("Up for", "Time since each process started: a saw is a process that keeps dying.", "s", ("time() - process_start_time_seconds", "{{instance}}"), width=12)
    board.graph("Spans exported", "For the OTLP receiver, if there is one.", "ops", (rate("herald_trace_spans_total", "outcome"), "{{outcome}}"), width=12)
    return board


def queues():
    board = Dashboard("queues", "queues and jobs", "What waits, how long, and how the kinds of job fare.",
                      [("queue", "Queue", "label_values(herald_queue_jobs, queue)"), ("kind", "Kind", "label_values(herald_jobs_total, kind)")])
    queue, kind = 'queue=~"$queue"', 'kind=~"$kind"'
    board.row("Queues")
    board.graph("Waiting", "Ready jobs: due, delayed, or to be tried again. Counted to 100,000.", "none", (f'max by (queue) (herald_queue_jobs{{state="ready",{queue}}})', "{{queue}}"))
    board.graph("Leased", "Jobs on the wire or with a worker.", "none", (f'max by (queue) (herald_queue_jobs{{state="running",{queue}}})', "{{queue}}"))
    board.graph("Longest wait", "How long the job that has been due longest has waited.", "s", (f"max by (queue) (herald_queue_oldest_due_age_seconds{{{queue}}})", "{{queue}}"))
    board.graph("On the wire", "Jobs in Redis that no worker has taken yet.", "none", (f"max by (queue) (herald_wire_depth{{{queue}}})", "{{queue}}"))
    board.graph("Held up", "1 while a person has paused the queue, or a provider asked for patience.", "none",
                (f"max by (queue) (herald_queue_paused{{{queue}}})", "{{queue}} paused"), (f"max by (queue) (herald_queue_blocked{{{queue}}})", "{{queue}} blocked"))
    board.graph("Batches", "Batches that are not complete yet.", "none", ("max(herald_batches_running)", "running"))
    board.row("From due to start")
    for share, name in ((0.5, "half"), (0.95, "95 %"), (0.99, "99 %")):
        board.graph(f"Wait, {name}", "From the time a job was due to the start of its attempt.", "s", (quantile(share, "herald_job_wait_seconds", "queue", queue), "{{queue}}"))
    board.row("Not run")
    board.graph("Expired", "Jobs dropped because their time was over before they could run.", "none", ("sum(increase(herald_jobs_expired_total[$__rate_interval]))", "expired"), width=12)
    board.graph("Providers asked for patience", "Times a queue, or one key of it, was held up.", "none",
                (f"sum by (queue) (increase(herald_queue_blocked_total{{{queue}}}[$__rate_interval]))", "{{queue}}"), width=12)
    board.row("Kinds")
    board.graph("Done", "Attempts that succeeded.", "ops", (rate("herald_jobs_total", "kind", f'outcome="done",{kind}'), "{{kind}}"))
    board.graph("Tried again", "Attempts that failed and are tried again, were too early, or were limited by a provider.", "ops", (rate("herald_jobs_total", "kind, outcome", f'outcome=~"retry|snooze|limited",{kind}'), "{{kind}} {{outcome}}"))
    board.graph("Dead and cancelled", "Jobs that failed for good or were cancelled while they ran.", "none",
                (f'sum by (kind, outcome) (increase(herald_jobs_total{{outcome=~"dead|cancelled",{kind}}}[$__rate_interval]))', "{{kind}} {{outcome}}"))
    board.graph("Run time, half", "How long attempts ran.", "s", (quantile(0.5, "herald_job_run_seconds", "kind", kind), "{{kind}}"), width=12)
    board.graph("Run time, 99 %", "How long attempts ran.", "s", (quantile(0.99, "herald_job_run_seconds", "kind", kind), "{{kind}}"), width=12)
    board.row("Scheduler")
    board.graph("Leasing", "How long it took to lease what was due.", "s", (quantile(0.5, "herald_dispatch_seconds"), "half"), (quantile(0.99, "herald_dispatch_seconds"), "99 %"), width=12)
    board.graph("Readings of the ledger", "For the panels above. Where they fail these keep their last values.", "ops", (rate("herald_ledger_observations_total", "outcome"), "{{outcome}}"), width=12)
    return board


def providers():
    board = Dashboard("providers", "providers", "What Herald depends on: the file store, hosts of pictures, Redis, and each provider to come.",
                      [("provider", "Provider", "label_values(herald_provider_calls_total, provider)")])
    where = 'provider=~"$provider"'
    bad = 'outcome=~"rate|transient|auth|config|full|unknown"'
    board.row("Calls")
    board.graph("Calls", "Calls of any outcome.", "ops", (rate("herald_provider_calls_total", "provider", where), "{{provider}}"), width=12)
    board.graph("Share that failed", "Without those refused for what was asked (a wrong address): that is the data's fault.", "percentunit",
                (f'{rate("herald_provider_calls_total", "provider", f"{bad},{where}")} / {rate("herald_provider_calls_total", "provider", where)}', "{{provider}}"), width=12)
    board.row("Outcomes")
    for outcomes, about in (("rate|transient", "It will pass: too many calls, or away."), ("auth|config|full", "A person has to do something."), ("refused|unknown|cancelled", "Refused for what was asked, nobody knows, or not waited for.")):
        board.graph(outcomes.replace("|", ", "), about, "ops", (rate("herald_provider_calls_total", "provider, outcome", f'outcome=~"{outcomes}",{where}'), "{{provider}} {{outcome}}"))
    board.row("Mail servers")
    board.graph("Mails at once", "How many each process hands over at once at most. A server that asks for less gets half as many, and one more after each round that goes well.", "none",
                ("sum by (instance, whose) (herald_mails_at_once)", "{{whose}} {{instance}}"), width=12)
    board.graph("Asked for less", "Servers that said 421, or refused for now by policy.", "ops", (rate("herald_mail_slowed_total", "whose"), "{{whose}}"), width=12)
    board.row("Time")
    for share, name in ((0.5, "half"), (0.95, "95 %"), (0.99, "99 %")):
        board.graph(f"Time, {name}", "How long calls took.", "s", (quantile(share, "herald_provider_call_seconds", "provider", where), "{{provider}}"))
    return board


def outreach():
    board = Dashboard("outreach", "outreach", "Invitations on their way, lists of contacts and leads, and the requests of the people who send and open them.")
    steps = "contacts.import|picture.fetch|face.crop|invitation.render|invitation.upload|invitation.publish"
    board.row("Invitations")
    board.number("Published, last hour", "Invitations whose last step ended well.", "none", 'sum(increase(herald_jobs_total{kind="invitation.publish",outcome="done"}[1h]))', width=6)
    board.number("Drawn, last hour", "Invitations drawn, also those drawn again.", "none", 'sum(increase(herald_jobs_total{kind="invitation.render",outcome="done"}[1h]))', width=6)
    board.number("Failed, last hour", "Steps of invitations that failed for good.", "none",
                 'sum(increase(herald_jobs_total{kind=~"face.*|invitation.*",outcome="dead"}[1h]))', thresholds=[(1, "red")], width=6)
    board.number("Running batches", "Runs and other batches not complete yet.", "none", "max(herald_batches_running)", width=6)
    board.graph("Steps done", "Each invitation goes from one to the next: where the lines part, work piles up.", "ops", (rate("herald_jobs_total", "kind", f'outcome="done",kind=~"{steps}"'), "{{kind}}"), width=12)
    board.graph("Steps that failed", "Tried again, or dead.", "ops", (rate("herald_jobs_total", "kind, outcome", f'outcome=~"retry|dead",kind=~"{steps}"'), "{{kind}} {{outcome}}"), width=12)
    board.graph("Pictures fetched", "From the web, by outcome.", "ops", (rate("herald_provider_calls_total", "outcome", 'provider="pictures"'), "{{outcome}}"))
    board.graph("Time of a step, 95 %", "How long attempts ran.", "s", (quantile(0.95, "herald_job_run_seconds", "kind", f'kind=~"{steps}"'), "{{kind}}"))
    board.graph("Previews and summaries", "What people wait for beside the invitations.", "ops", (rate("herald_jobs_total", "kind, outcome", 'kind=~"template.preview|invitation.summary"'), "{{kind}} {{outcome}}"))
    lists = "import.*|export.*|report.*"
    board.row("Contacts and leads")
    board.number("Imported, last day", "Lists of people that were taken in.", "none", 'sum(increase(herald_jobs_total{kind="import.run",outcome="done"}[1d]))', width=6)
    board.number("Exported, last day", "Lists that became files.", "none", 'sum(increase(herald_jobs_total{kind="export.run",outcome="done"}[1d]))', width=6)
    board.number("Reports, last day", "Workbooks of a day's leads.", "none", 'sum(increase(herald_jobs_total{kind="report.daily_leads",outcome="done"}[1d]))', width=6)
    board.number("Failed, last day", "Imports, exports and reports that failed for good.", "none",
                 f'sum(increase(herald_jobs_total{{kind=~"{lists}",outcome="dead"}}[1d]))', thresholds=[(1, "red")], width=6)
    board.graph("Time of an import, export or report, 95 %", "How long attempts ran.", "s", (quantile(0.95, "herald_job_run_seconds", "kind", f'kind=~"{lists}"'), "{{kind}}"), width=12)
    board.graph("Lists that failed", "Tried again, or dead.", "ops", (rate("herald_jobs_total", "kind, outcome", f'outcome=~"retry|dead",kind=~"{lists}"'), "{{kind}} {{outcome}}"), width=12)
    board.graph("Told", "Things that members were told, each once, by what they are about; rounds of reminding that failed.", "none",
                ("sum by (kind) (increase(herald_notifications_total[$__rate_interval]))", "{{kind}}"),
                ("sum(increase(herald_reminder_errors_total[$__rate_interval]))", "failed rounds"), width=12)
    board.graph("Mails of notifications", "How they ended. An unknown one may have arrived, and is not sent again.", "none",
                ("sum by (outcome) (increase(herald_notification_mails_total[$__rate_interval]))", "{{outcome}}"), width=12)
    board.row("Campaigns")
    board.number("Sending", "Campaigns whose messages go out.", "none", 'max(herald_campaigns{state="sending"})', width=6)
    board.number("Paused", "By a person, or by themselves: their pages say why.", "none", 'max(herald_campaigns{state="paused"})', thresholds=[(1, "orange")], width=6)
    board.number("Nobody knows", "Messages that may have been sent or not, and wait for a person's decision.", "none",
                 'sum(max by (channel) (herald_campaign_messages{state="unknown"}))', thresholds=[(1, "red")], width=6)
    board.number("Oldest that waits", "Since the first message was planned that waits in a campaign that is sending. Hours and daily caps make it long.", "s",
                 "max(herald_messages_oldest_pending_age_seconds)", width=6)
    board.graph("Campaigns", "Those with which something is still to happen, by state.", "none", ("max by (state) (herald_campaigns)", "{{state}}"))
    board.graph("Messages of running campaigns", "Of those that are sending or paused, by state.", "none",
                ("max by (channel, state) (herald_campaign_messages)", "{{channel}} {{state}}"), stacked=True)
    board.graph("Messages", "That got an end, by the second.", "ops", (rate("herald_messages_total", "channel, outcome"), "{{channel}} {{outcome}}"), stacked=True)
    board.graph("Causes", "Why messages failed, were left out, or have no known end.", "none",
                ('sum by (outcome, cause) (increase(herald_messages_total{outcome!="sent"}[$__rate_interval]))', "{{outcome}}: {{cause}}"), width=12)
    board.graph("Suppressions", "Addresses that are not written to any more, by reason.", "none",
                ("sum by (channel, reason) (increase(herald_suppressions_total[$__rate_interval]))", "{{channel}} {{reason}}"), width=12)
    board.row("HTTP")
    board.graph("Requests", "By status.", "reqps", (rate("herald_http_requests_total", "status"), "{{status}}"), stacked=True)
    board.graph("Opened links", "Guests who looked at their invitation.", "reqps", (rate("herald_http_requests_total", "status", 'route="/i/{token}"'), "{{status}}"))
    board.graph("In progress", "Requests being answered now.", "none", ("sum by (instance) (herald_http_requests_in_progress)", "{{instance}}"))
    board.graph("Errors", "Answers of 500 and more, by route.", "reqps", (rate("herald_http_requests_total", "route", 'status=~"5.."'), "{{route}}"), width=12)
    board.graph("Refused by limits", "Too many came, by class; and what Redis did not count.", "reqps", (rate("herald_rate_limited_total", "class"), "{{class}}"), (rate("herald_rate_limits_unchecked_total", "class"), "{{class}} not counted"))
    board.graph("Time to answer, 95 %", "By route.", "s", (quantile(0.95, "herald_http_request_duration_seconds", "route"), "{{route}}"), width=12)
    board.graph("Connections", "Of clients, open now.", "none", ("sum by (instance) (herald_http_connections)", "{{instance}}"), width=12)
    board.graph("Connections cut", "Over a cap, refused by the system, or ended because the client took too long.", "ops", (rate("herald_http_connections_cut_total", "why"), "{{why}}"), width=12)
    return board


def main():
    files = {f"grafana/{board.name}.json": json.dumps(board.json(), indent=2, ensure_ascii=False) + "\n" for board in (fleet(), queues(), providers(), outreach())}
    files["prometheus/rules/herald.yml"] = rules()
    files["prometheus/rules/herald_test.yml"] = tests()
    stale = [name for name, text in files.items() if not (HERE / name).exists() or (HERE / name).read_text() != text]
    if "--check" in sys.argv:
        if stale:
            sys.exit(f"not current: {', '.join(stale)}; run ./dashboards/make.py")
    else:
        for name in stale:
            (HERE / name).write_text(files[name])
            print(f"wrote {name}")


if __name__ == "__main__":
    main()
