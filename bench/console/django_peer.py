"""Django's admin over Herald's own rows: lists of guests and of jobs with search, filters and pages.

One file: `python django_peer.py migrate` makes Django's tables and a person, gunicorn serves `application`."""

import os
import sys

import django
from django.conf import settings

settings.configure(
    DEBUG=False,
    SECRET_KEY="of this measurement alone",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF="django_peer",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql", "NAME": os.environ.get("BENCH_NAME"), "USER": os.environ.get("BENCH_USER"),
            "PASSWORD": os.environ.get("BENCH_PASSWORD"), "HOST": "127.0.0.1", "PORT": os.environ.get("BENCH_PORT"),
            # A connection that stays, as Herald's do.
            "CONN_MAX_AGE": None,
        }
    },
    INSTALLED_APPS=[
        "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
        "django.contrib.messages", "django.contrib.staticfiles", "whitenoise.runserver_nostatic",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware", "whitenoise.middleware.WhiteNoiseMiddleware",
        "django.middleware.gzip.GZipMiddleware", "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    STATIC_URL="static/",
    STATIC_ROOT=os.environ.get("BENCH_STATIC"),
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    SILENCED_SYSTEM_CHECKS=["models.E028"],
)
django.setup()

from django.contrib import admin  # noqa: E402: Django reads its settings before its parts are imported
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models  # noqa: E402
from django.urls import path  # noqa: E402

STATES = [(state, state) for state in ("ready", "running", "succeeded", "dead", "cancelled")]
KINDS = [(kind, kind) for kind in ("invitation.render", "invitation.upload", "invitation.publish")]


class Contact(models.Model):
    id = models.UUIDField(primary_key=True)
    name = models.TextField()
    email = models.TextField()

    class Meta:
        managed, db_table, app_label = False, "contacts", "auth"


class Guest(models.Model):
    id = models.UUIDField(primary_key=True)
    contact = models.ForeignKey(Contact, models.DO_NOTHING)
    state = models.TextField(choices=[(state, state) for state in ("pending", "made", "failed", "cancelled")])
    lucky_number = models.TextField()
    reason = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        managed, db_table, app_label = False, "invitations", "auth"


class Job(models.Model):
    id = models.UUIDField(primary_key=True)
    kind = models.TextField(choices=KINDS)
    queue = models.TextField()
    state = models.TextField(choices=STATES)
    attempt = models.BigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        managed, db_table, app_label = False, "jobs", "auth"


@admin.register(Guest)
class Guests(admin.ModelAdmin):
    list_display = ["name", "email", "state", "lucky_number", "reason"]
    list_filter = ["state"]
    list_select_related = ["contact"]
    search_fields = ["contact__name", "contact__email"]
    list_per_page = 50
    ordering = ["-id"]

    def name(self, guest):
        return guest.contact.name

    def email(self, guest):
        return guest.contact.email


@admin.register(Job)
class Jobs(admin.ModelAdmin):
    list_display = ["id", "kind", "queue", "state", "attempt", "created_at"]
    list_filter = ["state", "kind"]
    search_fields = ["queue"]
    list_per_page = 50
    ordering = ["-id"]


urlpatterns = [path("admin/", admin.site.urls)]
application = get_wsgi_application()

if __name__ == "__main__" and sys.argv[1:] == ["migrate"]:
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    User.objects.filter(username="bench").delete()
    User.objects.create_superuser("bench", password=os.environ["BENCH_PERSON"])
