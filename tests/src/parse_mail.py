"""Reads mails as a stranger does: with Python's email package, the policy that follows the RFCs and keeps their defects.

Files as arguments; one JSON list on standard output, a mail each.
"""

import email
import email.policy
import json
import re
import sys
from html.parser import HTMLParser

# What makes a reader fetch something, by element; a link that is only followed by a click is none.
FETCHED = {"src", "srcset", "background", "poster", "data", "action", "formaction", "ping"}


class Page(HTMLParser):
    """What an HTML body fetches, and which pictures of the mail it shows."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.cids = []
        self.fetched = []
        self.styles = []
        self.scripts = 0
        self.inside_style = False

    def handle_starttag(self, tag, attributes):
        self.inside_style = tag == "style"
        self.scripts += tag == "script" or any(name.startswith("on") for name, _ in attributes)
        for name, value in attributes:
            value = value or ""
            if name == "style":
                self.styles.append(value)
            if name in FETCHED or (name == "href" and tag in ("link", "base", "image", "use")):
                if value.startswith("cid:"):
                    self.cids.append(value[len("cid:") :])
                elif not value.startswith("data:"):
                    self.fetched.append(f"{tag} {name}={value}")

    def handle_endtag(self, tag):
        self.inside_style = False

    def handle_data(self, data):
        if self.inside_style:
            self.styles.append(data)


def defects(part):
    """Of a part and its headers."""
    found = [f"{part.get_content_type()}: {defect!r}" for defect in part.defects]
    for name, value in part.items():
        found += [f"{name}: {defect!r}" for defect in getattr(value, "defects", ())]
    return found


def tree(part):
    """`type(children)`, an attachment with its name, a picture with its id."""
    if part.is_multipart():
        return f"{part.get_content_type()}({', '.join(tree(child) for child in part.iter_parts())})"
    return part.get_content_type()


def leaf(part):
    content = part.get_content()
    cid = part["Content-ID"]
    return {
        "type": part.get_content_type(),
        "charset": part.get_content_charset(),
        "disposition": part.get_content_disposition(),
        "filename": part.get_filename(),
        "cid": str(cid).strip() if cid else None,
        "encoding": str(part["Content-Transfer-Encoding"]),
        "text": content if isinstance(content, str) else None,
        "png": isinstance(content, bytes) and content.startswith(b"\x89PNG\r\n\x1a\n"),
    }


def mailboxes(header):
    return [[box.display_name, box.addr_spec] for box in header.addresses]


def read(path):
    with open(path, "rb") as file:
        raw = file.read()
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    lines = raw.split(b"\r\n")
    head = raw.split(b"\r\n\r\n", 1)[0].split(b"\r\n")
    page = Page()
    body = mail.get_body(("html",))
    page.feed(body.get_content())
    styles = "\n".join(page.styles)
    remote = page.fetched + re.findall(r"@import[^;]*|url\(\s*['\"]?(?!data:|cid:)[^)]*\)", styles)
    root = next((part for part in mail.walk() if part.get_content_type() == "multipart/related"), None)
    return {
        "headers": [[name, str(value)] for name, value in mail.items()],
        "from": mailboxes(mail["From"]),
        "to": mailboxes(mail["To"]),
        "date": mail["Date"].datetime.isoformat(),
        "defects": [defect for part in mail.walk() for defect in defects(part)],
        "tree": tree(mail),
        "related": root.get_param("type") if root is not None else None,
        "leaves": [leaf(part) for part in mail.walk() if not part.is_multipart()],
        "text": mail.get_body(("plain",)).get_content(),
        "html": body.get_content(),
        "cids": page.cids,
        "remote": remote,
        "scripts": page.scripts,
        "longest_line": max(len(line) for line in lines),
        "unfolded": [line.decode() for line in head if len(line) > 78 and len(line.split()) > 2],
        "ascii": raw.isascii(),
        "bare_breaks": len(re.findall(rb"\r(?!\n)|(?<!\r)\n", raw)),
        "size": len(raw),
    }


json.dump([read(path) for path in sys.argv[1:]], sys.stdout)
