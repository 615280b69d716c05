"""The mail that all of them send: 20 kB of HTML, and a text. `name` and `link` are what differs from mail to mail."""

SIZE = 20_000
SUBJECT = "{name}, the spring menu is here"
ROW = (
    '<tr><td style="padding:12px 24px;font:16px/24px Georgia,serif">\n'
    "Rosé prawns with lemon, new potatoes and a crème of wild garlic.\n"
    'For four persons: 24 €. <a href="https://example.com/menu/{row}">\n'
    "See the dish</a>, or ask us for another one on the same day.\n"
    "</td></tr>\n"
)


def html(name, link, address):
    """Its HTML, with these where they belong: texts, or what a template language has for them."""
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">\n<title>The spring menu</title></head>\n'
        f'<body><table role="presentation">\n<tr><td><h1>Dear {name},</h1></td></tr>\n'
    )
    foot = f'<tr><td>{address}\n<a href="{link}">Unsubscribe</a></td></tr>\n</table></body></html>\n'
    rows, row = [], 0
    while len(head) + sum(map(len, rows)) + len(foot) < SIZE:
        rows.append(ROW.format(row=row))
        row += 1
    return head + "".join(rows) + foot


def text(name, link, address):
    """The same in a few words."""
    return f"Dear {name},\n\nthe spring menu is here: https://example.com/menu\n\n{address}\nUnsubscribe: {link}\n"
