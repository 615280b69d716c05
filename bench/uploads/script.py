"""The upload of the script Herald replaces, written afresh: for each guest, create the file, then open it to who has the link.

    python uploads/script.py FILES --threads N --folder ID --drive URL --upload URL --token URL --client ID SECRET REFRESH

FILES is a folder of drawings. With one thread it does as the script did, one guest after the other; with several, a
ThreadPoolExecutor of that size. Each thread keeps its connection, and what is refused is tried five times with
exponential backoff and jitter. Prints as JSON how many files were made and opened, and how many were given up.
"""

import argparse
import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

TRIES = 5
mine = threading.local()


def session() -> requests.Session:
    if not hasattr(mine, "session"):
        mine.session = requests.Session()
    return mine.session


def insist(**request) -> requests.Response:
    for attempt in range(TRIES):
        try:
            answer = session().request(timeout=60, **request)
            if answer.ok or answer.status_code not in (403, 429, 500, 502, 503, 504):
                break
        except requests.ConnectionError:
            answer = None
        if attempt + 1 < TRIES:
            time.sleep(2**attempt + random.random())
    if answer is None:
        raise requests.ConnectionError("no answer")
    answer.raise_for_status()
    return answer


def upload(path: Path, options, token: str) -> bool:
    authorized = {"authorization": f"Bearer {token}"}
    about = {"name": path.name, "parents": [options.folder]}
    body = b"".join([
        b"--edge\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n", json.dumps(about).encode(),
        b"\r\n--edge\r\ncontent-type: image/jpeg\r\n\r\n", path.read_bytes(), b"\r\n--edge--",
    ])
    try:
        made = insist(
            method="POST", url=f"{options.upload}/files", data=body,
            params={"uploadType": "multipart", "fields": "id,webViewLink"},
            headers={**authorized, "content-type": "multipart/related; boundary=edge"},
        ).json()
        insist(
            method="POST", url=f"{options.drive}/files/{made['id']}/permissions", headers=authorized,
            json={"type": "anyone", "role": "reader"},
        )
    except requests.RequestException:
        return False
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", type=Path)
    parser.add_argument("--threads", type=int, required=True)
    for name in ("folder", "drive", "upload", "token"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--client", nargs=3, required=True)
    options = parser.parse_args()
    client_id, secret, refresh = options.client
    form = {"grant_type": "refresh_token", "client_id": client_id, "client_secret": secret, "refresh_token": refresh}
    token = insist(method="POST", url=options.token, data=form).json()["access_token"]
    files = sorted(path for path in options.files.rglob("*.jpg"))
    if options.threads == 1:
        done = [upload(path, options, token) for path in files]
    else:
        with ThreadPoolExecutor(options.threads) as pool:
            done = list(pool.map(lambda path: upload(path, options, token), files))
    print(json.dumps({"done": sum(done), "given_up": len(done) - sum(done)}))


if __name__ == "__main__":
    main()
