"""The alerts: when each fires, what it says to whoever it wakes, and the series it is tried with.

Annotations use labels only. What an alert means at length is in docs/operations.md, under a heading of its name; a test holds the two together.
"""

import json
import re

RUNBOOK = "docs/operations.md#"


class Alert:
    def __init__(self, name, severity, expr, wait, summary, action, fires, quiet, labels=None, at="30m"):
        self.name, self.severity, self.expr, self.wait = name, severity, expr, wait
        self.summary, self.action = summary, action
        # Series that make it fire, with the labels it then has, and series that do not.
        self.fires, self.quiet, self.labels, self.at = fires, quiet, labels or {}, at


def steady(series, value):
    return (series, f"{value}x60")


def growing(series, by=1):
    return (series, f"0+{by}x60")


WORKER = 'instance="worker:9090",job="herald-worker"'

ALERTS = [
    Alert("HeraldSchedulerMissing", "critical", 'absent(herald_build_info{role=~"scheduler|up"})', "2m",
          "No scheduler runs: nothing that becomes due is started.",
          "Start `herald scheduler`. If one runs, see whether Prometheus reaches its --monitor address.",
          [steady('herald_build_info{role="worker",version="1"}', 1)], [steady('herald_build_info{role="scheduler",version="1"}', 1)]),
    Alert("HeraldProcessDown", "warning", 'up{job=~"herald.*"} == 0', "2m",
          "{{ $labels.instance }} ({{ $labels.job }}) does not answer Prometheus.",
          "See whether the process runs and what its log ends with. Its jobs run elsewhere after their leases.",
          [steady(f"up{{{WORKER}}}", 0)], [steady(f"up{{{WORKER}}}", 1)], {"instance": "worker:9090", "job": "herald-worker"}),
    Alert("HeraldNoLiveWorkers", "critical", 'max(herald_workers{state="running"}) == 0', "2m",
          "No worker of the fleet takes jobs.",
          "`herald workers` shows who is there. If they are quiet, `herald workers --resume`; if nobody is there, start `herald worker` and read the logs of those that ended.",
          [steady('herald_workers{state="running"}', 0), steady('herald_workers{state="quiet"}', 2)], [steady('herald_workers{state="running"}', 1)]),
    Alert("HeraldJobsWaitLong", "warning",
          "max by (queue) (herald_queue_oldest_due_age_seconds) > 300 unless on (queue) max by (queue) (herald_queue_paused) == 1"
          " unless on (queue) max by (queue) (herald_queue_blocked) == 1", "5m",
          "A job of queue {{ $labels.queue }} has been due for more than five minutes.",
          "See whether workers take this queue and are busy (dashboard queues); start more, or give them more jobs at once with --queues.",
          [steady('herald_queue_oldest_due_age_seconds{queue="cpu"}', 400), steady('herald_queue_paused{queue="cpu"}', 0)],
          [steady('herald_queue_oldest_due_age_seconds{queue="cpu"}', 400), steady('herald_queue_paused{queue="cpu"}', 1), steady('herald_queue_oldest_due_age_seconds{queue="sync"}', 20)],
          {"queue": "cpu"}),
    Alert("HeraldQueuePaused", "warning",
          'max by (queue) (herald_queue_paused) == 1 and on (queue) max by (queue) (herald_queue_jobs{state="ready"}) > 0', "1h",
          "Queue {{ $labels.queue }} has been paused for an hour, and jobs wait in it.",
          "Ask who paused it and why; `herald queues resume NAME` lets it go on.",
          [("herald_queue_paused{queue=\"sync\"}", "1x70"), ("herald_queue_jobs{queue=\"sync\",state=\"ready\"}", "5x70")],
          [steady('herald_queue_paused{queue="sync"}', 1), steady('herald_queue_jobs{queue="sync",state="ready"}', 0)], {"queue": "sync"}, at="61m"),
    Alert("HeraldQueueBlocked", "warning", "max by (queue) (herald_queue_blocked) == 1", "30m",
          "A provider has kept queue {{ $labels.queue }} waiting for half an hour.",
          "`herald queues list` says what the provider said and until when. Give the queue a rate (`herald queues limit`), or ask for a higher quota.",
          [("herald_queue_blocked{queue=\"sync\"}", "1x70")], [("herald_queue_blocked{queue=\"sync\"}", "1x15 0x5 1x40")], {"queue": "sync"}, at="35m"),
    Alert("HeraldJobsExpire", "warning", "sum(increase(herald_jobs_expired_total[1h])) > 0", "0m",
          "Jobs were dropped because their time was over before they could run.",
          "See what held their queue up: a pause, a limit, closed hours, or too few workers (dashboard queues).",
          [growing("herald_jobs_expired_total")], [steady("herald_jobs_expired_total", 8)]),
    Alert("HeraldJobsDie", "warning", 'sum by (kind) (increase(herald_jobs_total{outcome="dead"}[15m])) > 0', "0m",
          "Jobs of kind {{ $labels.kind }} failed for good.",
          "`herald jobs list --state dead --kind KIND`, then `herald jobs show ID` says why. When the cause is mended, `herald jobs retry ID`.",
          [growing('herald_jobs_total{kind="face.crop",outcome="dead"}')], [steady('herald_jobs_total{kind="face.crop",outcome="dead"}', 7), growing('herald_jobs_total{kind="face.crop",outcome="retry"}')],
          {"kind": "face.crop"}),
    Alert("HeraldJobsFailOften", "warning",
          'sum by (kind) (increase(herald_jobs_total{outcome=~"retry|dead"}[15m])) > 0.25 * sum by (kind) (increase(herald_jobs_total[15m]))'
          " and sum by (kind) (increase(herald_jobs_total[15m])) > 20", "10m",
          "More than a quarter of the attempts of {{ $labels.kind }} fail.",
          "`herald jobs show ID` of one that is tried again says why; the dashboard providers shows whether what it depends on is away.",
          [growing('herald_jobs_total{kind="invitation.upload",outcome="retry"}', 5), growing('herald_jobs_total{kind="invitation.upload",outcome="done"}', 5)],
          [growing('herald_jobs_total{kind="invitation.upload",outcome="retry"}', 1), growing('herald_jobs_total{kind="invitation.upload",outcome="done"}', 9)],
          {"kind": "invitation.upload"}),
    Alert("HeraldLeasesExpire", "warning",
          "sum(increase(herald_leases_expired_total[15m])) - sum(increase(herald_wire_lost_total[15m])) > 3", "0m",
          "Workers lose jobs: they die, hang, or do not reach the database.",
          "Look for workers that restart (dashboard fleet, Up for) and their last log lines; memory that grows before the end is the usual cause. The histories of the jobs name the attempts.",
          [growing("herald_leases_expired_total"), steady("herald_wire_lost_total", 0)], [growing("herald_leases_expired_total"), growing("herald_wire_lost_total")]),
    Alert("HeraldWireLosesJobs", "warning", "sum(increase(herald_wire_lost_total[15m])) > 0", "0m",
          "Redis lost jobs it carried. They run again; no try is lost.",
          "See whether Redis was restarted, emptied, or evicts keys: it needs maxmemory-policy noeviction.",
          [growing("herald_wire_lost_total")], [steady("herald_wire_lost_total", 4)]),
    Alert("HeraldStaleOutcomes", "warning", "sum(increase(herald_stale_outcomes_total[15m])) > 0", "0m",
          "Work was done that no longer counted: its lease had run out meanwhile.",
          "A worker was stopped, starved of processor, or cut off from the database for longer than ledger.lease_seconds. Give it room, or lengthen the lease.",
          [growing("herald_stale_outcomes_total")], [steady("herald_stale_outcomes_total", 2)]),
    Alert("HeraldRedisUnreachable", "critical", "sum by (instance) (increase(herald_redis_errors_total[2m])) > 0", "2m",
          "{{ $labels.instance }} does not get through to Redis.",
          "See whether Redis runs and answers `redis-cli ping` from that machine. Nothing is lost, but no job is started meanwhile.",
          [growing('herald_redis_errors_total{instance="scheduler:9090"}')], [steady('herald_redis_errors_total{instance="scheduler:9090"}', 9)], {"instance": "scheduler:9090"}),
    Alert("HeraldRedisDisconnects", "warning", "sum by (instance) (increase(herald_redis_disconnects_total[15m])) > 5", "0m",
          "Redis keeps closing the connections of {{ $labels.instance }}.",
          "Look at Redis's log and its client-output-buffer-limit for pubsub, and at what lies on the way: idle time-outs of proxies and firewalls.",
          [growing('herald_redis_disconnects_total{instance="scheduler:9090"}')], [steady('herald_redis_disconnects_total{instance="scheduler:9090"}', 9)], {"instance": "scheduler:9090"}),
    Alert("HeraldDispatchFails", "critical", "sum(increase(herald_dispatch_errors_total[5m])) > 3", "2m",
          "Schedulers cannot put due jobs on the wire.",
          "The log of a scheduler says whether the database or Redis does not answer; see the alerts of those.",
          [growing("herald_dispatch_errors_total")], [steady("herald_dispatch_errors_total", 40)]),
    Alert("HeraldDatabaseUnreachable", "critical", 'sum(increase(herald_ledger_observations_total{outcome="failed"}[2m])) > 0', "2m",
          "Schedulers cannot read the ledger.",
          "See whether PostgreSQL runs, takes connections, and has room. Workers keep what they finished and write it when it is back.",
          [growing('herald_ledger_observations_total{outcome="failed"}', 6)], [steady('herald_ledger_observations_total{outcome="failed"}', 6), growing('herald_ledger_observations_total{outcome="ok"}', 6)]),
    Alert("HeraldDatabaseSlow", "warning", "histogram_quantile(0.95, sum by (le) (rate(herald_db_begin_seconds_bucket[5m]))) > 0.5", "5m",
          "One transaction in twenty waits more than half a second to begin.",
          "Look at connections (dashboard fleet): at their limit, raise database.max_connections; else look for long queries and full disks in PostgreSQL.",
          [growing('herald_db_begin_seconds_bucket{le="0.5"}', 10), growing('herald_db_begin_seconds_bucket{le="2.5"}', 60), growing('herald_db_begin_seconds_bucket{le="+Inf"}', 60)],
          [growing('herald_db_begin_seconds_bucket{le="0.01"}', 60), growing('herald_db_begin_seconds_bucket{le="0.5"}', 60), growing('herald_db_begin_seconds_bucket{le="+Inf"}', 60)]),
    Alert("HeraldDatabaseErrors", "warning", 'sum(increase(herald_db_errors_total{class="other"}[15m])) > 0', "0m",
          "The database refused statements for a reason that waiting does not mend.",
          "The logs have the statement's error. Processes of two versions at once, or a fault of Herald's that should be reported.",
          [growing('herald_db_errors_total{class="other"}')], [growing('herald_db_errors_total{class="transient"}')]),
    Alert("HeraldConnectionsUsedUp", "warning",
          'herald_db_connections{state="used"} / ignoring (state) herald_db_connections{state="limit"} >= 0.9', "5m",
          "{{ $labels.instance }} uses nearly all the database connections it may.",
          "Raise database.max_connections (and PostgreSQL's max_connections with it), or run fewer jobs at once in each worker.",
          [steady(f'herald_db_connections{{{WORKER},state="used"}}', 10), steady(f'herald_db_connections{{{WORKER},state="limit"}}', 10)],
          [steady(f'herald_db_connections{{{WORKER},state="used"}}', 5), steady(f'herald_db_connections{{{WORKER},state="limit"}}', 10)],
          {"instance": "worker:9090", "job": "herald-worker"}),
    Alert("HeraldProviderFails", "warning",
          'sum by (provider) (increase(herald_provider_calls_total{outcome=~"rate|transient|auth|config|unknown"}[10m]))'
          " > 0.2 * sum by (provider) (increase(herald_provider_calls_total[10m])) and sum by (provider) (increase(herald_provider_calls_total[10m])) > 20", "5m",
          "More than a fifth of the calls to {{ $labels.provider }} fail.",
          "The dashboard providers shows how: rate and transient pass by themselves, auth and config want a person (credentials, permissions, settings).",
          [growing('herald_provider_calls_total{provider="pictures",outcome="transient"}', 5), growing('herald_provider_calls_total{provider="pictures",outcome="ok"}', 5)],
          [growing('herald_provider_calls_total{provider="pictures",outcome="refused"}', 5), growing('herald_provider_calls_total{provider="pictures",outcome="ok"}', 5)],
          {"provider": "pictures"}),
    Alert("HeraldProviderAccess", "critical", 'sum by (provider) (increase(herald_provider_calls_total{outcome=~"auth|config",provider!="pictures"}[15m])) > 0', "0m",
          "{{ $labels.provider }} does not let Herald do its work.",
          "Set right its credentials or permissions; `herald doctor` says which. Jobs that died of it can be retried.",
          [growing('herald_provider_calls_total{provider="files",outcome="config"}')], [growing('herald_provider_calls_total{provider="pictures",outcome="auth"}'), steady('herald_provider_calls_total{provider="files",outcome="config"}', 3)],
          {"provider": "files"}),
    Alert("HeraldCampaignPausedItself", "warning", 'sum(increase(herald_notifications_total{kind="campaign.paused"}[15m])) > 0', "0m",
          "Herald paused a campaign, and told its people why.",
          "The campaign's page says why: too many messages failed, the mail server lets nobody in, or the sender is gone. Mend that, then resume or cancel it.",
          [growing('herald_notifications_total{kind="campaign.paused"}')],
          [steady('herald_notifications_total{kind="campaign.paused"}', 4), growing('herald_notifications_total{kind="campaign.sent"}')]),
    Alert("HeraldMessagesUnknown", "warning", 'sum(max by (channel) (herald_campaign_messages{state="unknown"})) > 0', "1h",
          "Messages of campaigns have had an unknown end for an hour, and nobody has decided about them.",
          "Look for them in the log of the mail server, then decide on the campaign's page: arrived, lost, or send again.",
          [('herald_campaign_messages{channel="email",state="unknown"}', "3x70")],
          [('herald_campaign_messages{channel="email",state="unknown"}', "3x30 0x40"), ('herald_campaign_messages{channel="email",state="failed"}', "3x70")], at="61m"),
    Alert("HeraldDiskFillsUp", "warning", 'herald_disk_bytes{what="free"} / ignoring (what) herald_disk_bytes{what="total"} < 0.1', "5m",
          "Less than a tenth of the disk under the data folder of {{ $labels.instance }} is free.",
          "Free some space or enlarge it. ledger.keep_days shortens how long finished jobs are kept.",
          [steady(f'herald_disk_bytes{{{WORKER},what="free"}}', 5), steady(f'herald_disk_bytes{{{WORKER},what="total"}}', 100)],
          [steady(f'herald_disk_bytes{{{WORKER},what="free"}}', 50), steady(f'herald_disk_bytes{{{WORKER},what="total"}}', 100)],
          {"instance": "worker:9090", "job": "herald-worker"}),
    Alert("HeraldNoSpaceLeft", "critical",
          'sum by (provider) (increase(herald_provider_calls_total{outcome="full"}[5m])) > 0'
          ' or label_replace(sum(increase(herald_db_errors_total{class="full"}[5m])) > 0, "provider", "database", "", "")', "0m",
          "No space is left: {{ $labels.provider }} refuses what it should keep.",
          "Free some space at once: files is the disk of the data folder, database PostgreSQL's (or herald.db's), redis its maxmemory.",
          [growing('herald_provider_calls_total{provider="redis",outcome="ok"}'), growing('herald_db_errors_total{class="full"}')],
          [growing('herald_provider_calls_total{provider="files",outcome="transient"}'), steady('herald_provider_calls_total{provider="files",outcome="full"}', 2), steady('herald_db_errors_total{class="full"}', 3)],
          {"provider": "database"}),
    Alert("HeraldRequestsFail", "warning",
          'sum(rate(herald_http_requests_total{status=~"5.."}[5m])) > 0.05 * sum(rate(herald_http_requests_total[5m]))', "5m",
          "More than one request in twenty is answered with an error of Herald's.",
          "The log has a line `request failed` for each, with its cause; the dashboard outreach shows the routes.",
          [growing('herald_http_requests_total{status="500"}', 6), growing('herald_http_requests_total{status="200"}', 60)],
          [growing('herald_http_requests_total{status="404"}', 60), growing('herald_http_requests_total{status="200"}', 60)]),
    Alert("HeraldMixedVersions", "info", "count(count by (version) (herald_build_info)) > 1", "2h",
          "Processes of several versions have run side by side for two hours.",
          "Finish the upgrade: count by (version, instance) (herald_build_info) names who was forgotten.",
          [("herald_build_info{instance=\"a\",version=\"1\"}", "1x130"), ("herald_build_info{instance=\"b\",version=\"2\"}", "1x130")],
          [("herald_build_info{instance=\"a\",version=\"1\"}", "1x130"), ("herald_build_info{instance=\"b\",version=\"1\"}", "1x130")], at="121m"),
    Alert("HeraldOpenFilesRunOut", "warning", 'process_open_fds{job=~"herald.*"} / process_max_fds{job=~"herald.*"} > 0.8', "5m",
          "{{ $labels.instance }} has nearly as many files and sockets open as it may.",
          "Raise the limit (LimitNOFILE in systemd, ulimits in compose), and look for requests that never end.",
          [steady(f"process_open_fds{{{WORKER}}}", 900), steady(f"process_max_fds{{{WORKER}}}", 1024)],
          [steady(f"process_open_fds{{{WORKER}}}", 90), steady(f"process_max_fds{{{WORKER}}}", 1024)], {"instance": "worker:9090", "job": "herald-worker"}),
    Alert("HeraldTracesLost", "info", 'sum(increase(herald_trace_spans_total{outcome=~"failed|dropped"}[15m])) > 0', "15m",
          "Traces do not reach the OTLP receiver. Nothing else suffers.",
          "See whether the receiver at telemetry.otlp_endpoint runs; the log has its answer. Lower telemetry.sample_ratio if spans are dropped.",
          [growing('herald_trace_spans_total{outcome="failed"}')], [growing('herald_trace_spans_total{outcome="exported"}')]),
]


def text(value):
    """A JSON string is a YAML string, too."""
    return json.dumps(value, ensure_ascii=False)


def rules():
    lines = ["# Written by ../../make.py from alerts.py. What each alert means: docs/operations.md.", "groups:", "  - name: herald", "    rules:"]
    for alert in ALERTS:
        lines += [
            f"      - alert: {alert.name}", f"        expr: {text(alert.expr)}", f"        for: {alert.wait}", "        labels:", f"          severity: {alert.severity}",
            "        annotations:", f"          summary: {text(alert.summary)}", f"          action: {text(alert.action)}", f"          runbook: {text(RUNBOOK + alert.name.lower())}",
        ]
    return "\n".join(lines) + "\n"


def rendered(template, labels):
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda match: labels[match[1]], template)


def tests():
    lines = ["# Written by ../../make.py from alerts.py: each alert fires on the first series and keeps quiet on the second.",
             "rule_files: [herald.yml]", "evaluation_interval: 1m", "tests:"]
    for alert in ALERTS:
        labels = {"severity": alert.severity, **alert.labels}
        for name, series, fires in (("fires", alert.fires, True), ("keeps quiet", alert.quiet, False)):
            lines += [f"  - name: {alert.name} {name}", "    interval: 1m", "    input_series:"]
            for metric, values in series:
                lines += [f"      - series: {text(metric)}", f"        values: {text(values)}"]
            lines += ["    alert_rule_test:", f"      - alertname: {alert.name}", f"        eval_time: {alert.at}"]
            if not fires:
                lines.append("        exp_alerts: []")
                continue
            lines += ["        exp_alerts:", "          - exp_labels:"] + [f"              {key}: {text(value)}" for key, value in labels.items()]
            lines += ["            exp_annotations:", f"              summary: {text(rendered(alert.summary, labels))}",
                      f"              action: {text(alert.action)}", f"              runbook: {text(RUNBOOK + alert.name.lower())}"]
    return "\n".join(lines) + "\n"
