"""The HTML of pages, read by the checker of the standard itself (vnu, in Java)."""

import json
import pathlib
import subprocess
import tempfile


def check(jar, texts, faults):
    """Checks the HTML of many pages at once: starting Java takes longer than reading them."""
    with tempfile.TemporaryDirectory(prefix="herald-markup.") as folder:
        names = {}
        for number, (path, text) in enumerate(texts.items()):
            file = pathlib.Path(folder) / f"{number:03}.html"
            file.write_text(text)
            names[file.name] = path
        command = ["java", "-Xss1m", "-jar", jar, "--errors-only", "--format", "json", "--exit-zero-always", "--stdout", folder]
        found = subprocess.run(command, check=True, capture_output=True, timeout=180).stdout
    messages = json.loads(found)["messages"]
    for message in messages:
        page = names.get(message.get("url", "").rsplit("/", 1)[-1], "a page")
        extract = " ".join(message.get("extract", "").split())[:120]
        faults.check(False, f"{page}: not valid HTML: {message['message'][:200]}: {extract}")
