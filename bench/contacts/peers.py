"""What lists, reports and segments cost in Python: the libraries that the replaced systems use, on the same rows.

Each one runs in a process of its own: `python peers.py NAME ARGUMENTS…` prints JSON. Imported by run.py as well."""

import csv
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
REPORT_HEAD = ["Lead", "Contact", "E-mail", "Step", "Value", "Currency", "Source", "Made"]


def children(command, **options):
    """Runs a program to its end: its seconds of CPU, its seconds, its most memory in MiB, and what it said."""
    begun = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True, **options)
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {said}")
    return {"cpu": used.ru_utime + used.ru_stime, "seconds": time.monotonic() - begun, "MiB": used.ru_maxrss / 1024, "said": said}


def peer(name, *arguments):
    found = children([sys.executable, HERE / "peers.py", name, *arguments])
    return found | (json.loads(found.pop("said") or "{}"))


def django(url):
    """Django on that database, with the models that the measurements need."""
    import django
    from django.conf import settings
    at = urllib.parse.urlsplit(url)
    settings.configure(
        INSTALLED_APPS=["import_export"], USE_TZ=True, SECRET_KEY="of this measurement alone", DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DATABASES={"default": {
            "ENGINE": "django.db.backends.postgresql", "NAME": at.path[1:], "HOST": at.hostname, "PORT": at.port,
            "USER": urllib.parse.unquote(at.username or ""), "PASSWORD": urllib.parse.unquote(at.password or ""),
        }},
    )
    django.setup()


def imported(url, path, rows, bulk):
    """django-import-export as the replaced system uses it: a row is found by its e-mail, then made or changed."""
    django(url)
    import tablib
    from django.db import connection, models
    from import_export import resources

    class Customer(models.Model):
        name = models.CharField(max_length=200)
        email = models.EmailField(unique=True)
        phone = models.CharField(max_length=40, blank=True)
        country = models.CharField(max_length=2, blank=True)
        score = models.CharField(max_length=40, blank=True)
        tags = models.CharField(max_length=200, blank=True)

        class Meta:
            app_label = "import_export"
            db_table = "bench_customers"

    class Customers(resources.ModelResource):
        class Meta:
            model = Customer
            import_id_fields = ["email"]
            fields = ["name", "email", "phone", "country", "score", "tags"]
            use_bulk = bulk == "bulk"
            skip_unchanged = True
            clean_model_instances = True

    with connection.schema_editor() as editor:
        if Customer._meta.db_table in connection.introspection.table_names():
            editor.delete_model(Customer)
        editor.create_model(Customer)
    with open(path, newline="") as source:
        read = csv.reader(source)
        head = next(read)
        data = tablib.Dataset(*(row for _, row in zip(range(int(rows)), read)), headers=head)
    begun = time.monotonic()
    result = Customers().import_data(data, dry_run=False, raise_errors=False)
    return {"rows/s": int(rows) / (time.monotonic() - begun), "refused": len(result.invalid_rows) + len(result.row_errors())}


def parsed(path):
    """polars, which only reads the cells."""
    import polars
    begun = time.monotonic()
    rows = polars.read_csv(path, infer_schema=False).height
    return {"rows/s": rows / (time.monotonic() - begun)}


def leads(rows):
    for number in range(int(rows)):
        yield [f"A dinner for {number}", f"Person {number}", f"person{number}@example.com", "New", number / 4, "EUR", "website", "2026-03-01"]


def openpyxl_written(path, rows):
    import openpyxl
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(REPORT_HEAD)
    for row in leads(rows):
        sheet.append(row)
    book.save(path)


def xlsxwriter_written(path, rows):
    import xlsxwriter
    book = xlsxwriter.Workbook(path, {"constant_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, REPORT_HEAD)
    for number, row in enumerate(leads(rows), 1):
        sheet.write_row(number, 0, row)
    book.close()


def openpyxl_read(path):
    import openpyxl
    book = openpyxl.load_workbook(path, read_only=True)
    return {"cells": sum(len(row) for row in book.active.iter_rows(values_only=True))}


def calamine_read(path):
    import python_calamine
    return {"cells": sum(len(row) for row in python_calamine.load_workbook(path).get_sheet_by_index(0).to_python())}


def segment(url, times):
    """The rule of run.py by Django's ORM, on Herald's own tables."""
    django(url)
    import datetime

    from django.db import models
    from django.db.models import Exists, F, IntegerField, OuterRef, Q
    from django.db.models.fields.json import KeyTextTransform
    from django.db.models.functions import Cast

    def table(name, /, **fields):
        meta = type("Meta", (), {"app_label": "import_export", "managed": False, "db_table": name})
        return type(name.title().replace("_", ""), (models.Model,), {"__module__": __name__, "Meta": meta, **fields})

    contact = table("contacts", id=models.UUIDField(primary_key=True), name=models.TextField(), email=models.TextField(null=True),
                    country=models.TextField(null=True), fields=models.JSONField(), trashed_at=models.DateTimeField(null=True),
                    imported_by=models.UUIDField(null=True), created_at=models.DateTimeField())
    tag = table("tags", id=models.UUIDField(primary_key=True), name_key=models.TextField())
    tagged = table("contact_tags", contact_id=models.UUIDField(primary_key=True), tag_id=models.UUIDField())

    def counted():
        since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=30)
        vip = Exists(tagged.objects.filter(contact_id=OuterRef("id"), tag_id__in=tag.objects.filter(name_key="vip").values("id")))
        score = Cast(KeyTextTransform("score", F("fields")), IntegerField())
        chosen = contact.objects.filter(trashed_at=None, country="ES").annotate(score=score).filter(score__gte=40)
        return chosen.exclude(email=None).filter(Q(vip) | Q(name__istartswith="Person 9")).filter(imported_by__isnull=False, created_at__gte=since).count()

    taken = []
    for _ in range(int(times)):
        begun = time.monotonic()
        members = counted()
        taken.append((time.monotonic() - begun) * 1000)
    return {"members": members, "p95 ms": statistics.quantiles(taken, n=20)[18]}


PEERS = {
    "django-import-export": imported, "polars": parsed, "openpyxl, written": openpyxl_written, "XlsxWriter, written": xlsxwriter_written,
    "openpyxl, read": openpyxl_read, "python-calamine, read": calamine_read, "Django ORM": segment,
}

if __name__ == "__main__":
    found = PEERS[sys.argv[1]](*sys.argv[2:]) or {}
    # Of this program alone: the most memory of a child counts what its parent had when it was made.
    found["MiB"] = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path("/proc/self/status").read_text())[1]) / 1024
    print(json.dumps(found))
