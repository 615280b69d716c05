"""What openpyxl finds in a workbook, as JSON: the cells of every visible sheet, each as a text, a number or a moment.

    cells.py WORKBOOK

A number in a format of its own is left out: openpyxl gives its value, and Herald what a person sees of it."""

import datetime
import json
import resource
import signal
import sys
import warnings

import openpyxl

warnings.simplefilter("ignore")
# Two cells at the corners of the grid are seventeen billion to openpyxl.
SECONDS, BYTES = 20, 2 << 30
resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


def too_long(*_):
    raise TimeoutError(f"more than {SECONDS} s")


signal.signal(signal.SIGALRM, too_long)
signal.alarm(SECONDS)


def cell(found):
    value = found.value
    if isinstance(value, bool):
        return "text", "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return "text", value
    if isinstance(value, (int, float)):
        return ("number", value) if found.number_format == "General" else None
    if isinstance(value, datetime.datetime):
        # The count has a 29 February 1900, which openpyxl leaves out.
        return ("moment", value.replace(microsecond=0).isoformat(" ")) if value.year > 1900 else None
    if isinstance(value, datetime.time):
        return ("moment", value.replace(microsecond=0).isoformat()) if value.microsecond == 0 else None
    return None


def sheets(path):
    book = openpyxl.load_workbook(path, data_only=True)
    for sheet in book.worksheets:
        cells = {}
        for row in sheet.iter_rows():
            for found in row:
                if found.value is not None and (told := cell(found)):
                    cells[found.coordinate] = told
        yield {"name": sheet.title, "cells": cells}


try:
    told = {"sheets": list(sheets(sys.argv[1]))}
except Exception as error:  # Whatever it stumbles over, it did not read the file.
    told = {"error": f"{type(error).__name__}: {error}"}
json.dump(told, sys.stdout)
