"""How others send the same mails, with a row for each: django-post-office, and aiosmtplib with a table of its own.

Each one runs in a process of its own: `python peers.py NAME DATABASE PORT MAILS CONNECTIONS` prints JSON. DATABASE is
the address of a PostgreSQL or the path of an SQLite file."""

import asyncio
import json
import sys
import time
import urllib.parse

import letter

ADDRESS = "1 Example Street, 28001 Madrid"
FROM = "Example Agency <news@example.com>"


def person(number):
    """Name, address and the link that is theirs."""
    return f"Person {number}", f"person{number}@example.com", f"https://example.com/unsubscribe/{number:032x}"


def post_office(database, port, mails, connections):
    """django-post-office: rows by `send_many`, templates rendered on delivery, and its own `send_queued_mail`."""
    import django
    from django.conf import settings
    at = urllib.parse.urlsplit(database)
    server = {
        "ENGINE": "django.db.backends.postgresql", "NAME": at.path[1:], "HOST": at.hostname, "PORT": at.port,
        "USER": urllib.parse.unquote(at.username or ""), "PASSWORD": urllib.parse.unquote(at.password or ""),
    }
    options = {"transaction_mode": "IMMEDIATE", "init_command": "pragma journal_mode=wal; pragma synchronous=full"}
    file = {"ENGINE": "django.db.backends.sqlite3", "NAME": database, "OPTIONS": options}
    # Two processes, as there are cores; SQLite has one writer.
    processes = 2 if at.scheme else 1
    settings.configure(
        INSTALLED_APPS=["post_office"], USE_TZ=True, SECRET_KEY="of this measurement alone", DATABASES={"default": server if at.scheme else file},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", EMAIL_HOST="127.0.0.1", EMAIL_PORT=port,
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        POST_OFFICE={
            "BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"}, "BATCH_SIZE": 2_000, "LOG_LEVEL": 0,
            "THREADS_PER_PROCESS": max(connections // processes, 1),
        },
    )
    django.setup()
    from django.core.management import call_command
    from post_office import mail
    from post_office.models import Email, EmailTemplate
    call_command("migrate", verbosity=0)
    Email.objects.all().delete()
    EmailTemplate.objects.all().delete()
    places = ("{{ name }}", "{{ link }}", ADDRESS)
    template = EmailTemplate.objects.create(
        name="spring", subject=letter.SUBJECT.format(name=places[0]), content=letter.text(*places), html_content=letter.html(*places)
    )
    begun = time.monotonic()
    for first in range(0, mails, 1_000):
        people = (person(number) for number in range(first, min(first + 1_000, mails)))
        mail.send_many([
            {"recipients": [address], "sender": FROM, "template": template, "context": {"name": name, "link": link}, "render_on_delivery": True}
            for name, address, link in people
        ])
    queued = time.monotonic() - begun
    call_command("send_queued_mail", processes=processes)
    seconds = time.monotonic() - begun
    return {"seconds": seconds, "queued": queued, "sent": Email.objects.filter(status=0).count()}


class Rows:
    """A table with a row a mail, on either engine."""

    MAKE = "create table mails (id integer primary key, name text not null, address text not null, link text not null, state text not null, said text)"

    def __init__(self, database):
        self.database, self.is_server = database, "://" in database

    async def begin(self, mails, connections):
        self.free = asyncio.Queue()
        rows = [(number, *person(number)) for number in range(mails)]
        insert = "insert into mails (id, name, address, link, state) values ({}, 'pending')"
        if self.is_server:
            import psycopg
            for _ in range(min(connections, 10)):
                self.free.put_nowait(await psycopg.AsyncConnection.connect(self.database, autocommit=True))
            one = await self.free.get()
            await one.execute("drop table if exists mails")
            await one.execute(self.MAKE)
            begun = time.monotonic()
            async with one.transaction(), one.cursor() as cursor:
                await cursor.executemany(insert.format("%s, %s, %s, %s"), rows)
            self.free.put_nowait(one)
        else:
            import sqlite3
            self.file = sqlite3.connect(self.database, isolation_level=None)
            self.file.execute("pragma journal_mode = wal")
            self.file.execute("pragma synchronous = full")
            self.file.execute("drop table if exists mails")
            self.file.execute(self.MAKE)
            begun = time.monotonic()
            self.file.execute("begin")
            self.file.executemany(insert.format("?, ?, ?, ?"), rows)
            self.file.execute("commit")
        return begun, rows

    async def sent(self, number, said):
        if not self.is_server:
            self.file.execute("update mails set state = 'sent', said = ? where id = ?", (said, number))
            return
        one = await self.free.get()
        try:
            await one.execute("update mails set state = 'sent', said = %s where id = %s", (said, number))
        finally:
            self.free.put_nowait(one)

    async def count(self):
        asked = "select count(*) from mails where state = 'sent'"
        if not self.is_server:
            return self.file.execute(asked).fetchone()[0]
        one = await self.free.get()
        return (await (await one.execute(asked)).fetchone())[0]


async def aiosmtp(database, port, mails, connections):
    """aiosmtplib: as many connections, each of which takes the next row, builds the mail, sends it and writes its end."""
    import email.message
    import email.utils

    import aiosmtplib
    rows = Rows(database)
    begun, waiting = await rows.begin(mails, connections)
    waiting = iter(waiting)

    async def work():
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False)
        await client.connect()
        for number, name, address, link in waiting:
            message = email.message.EmailMessage()
            message["From"], message["To"], message["Subject"] = FROM, address, letter.SUBJECT.format(name=name)
            message["Date"], message["Message-ID"] = email.utils.localtime(), email.utils.make_msgid(domain="example.com")
            message.set_content(letter.text(name, link, ADDRESS))
            message.add_alternative(fill(name, link), subtype="html")
            _, said = await client.send_message(message)
            await rows.sent(number, said)
        await client.quit()

    await asyncio.gather(*(work() for _ in range(connections)))
    return {"seconds": time.monotonic() - begun, "sent": await rows.count()}


HTML = letter.html("\0name", "\0link", ADDRESS)


def fill(name, link):
    """The page with its two values, by the fastest way that Python has."""
    return HTML.replace("\0name", name).replace("\0link", link)


PEERS = {"django-post-office": post_office, "aiosmtplib": lambda *asked: asyncio.run(aiosmtp(*asked))}

if __name__ == "__main__":
    name, database, port, mails, connections = sys.argv[1:]
    print(json.dumps(PEERS[name](database, int(port), int(mails), int(connections))))
