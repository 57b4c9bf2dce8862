"""Opens a report in Chromium and checks what its readers rely on.

    python3 tests/browser/report.py REPORT --sections ID,ID,... [--screenshots DIR]

Needs Playwright and axe-playwright-python, and a `chromium` on the path; nothing leaves the machine. Prints
one line for each thing that is wrong and ends with exit code 1, or one line that says what was looked at.
"""

import argparse
import contextlib
import itertools
import json
import pathlib
import re
import shutil
import sys

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, sync_playwright

QUESTIONS = pathlib.Path(__file__).with_suffix(".js").read_text()
# Sizes in pixels; paper is A4 at 96 dots per inch, less margins of a centimetre.
WIDE, NARROW, PAPER = (1280, 900), (375, 812), (718, 1047)
# Chromium prints what is wider than paper up to so many times smaller, and cuts off what is wider still.
SHRUNK = 1.5
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
# Places of a violation that are named.
NAMED = 3
# Milliseconds for a click or a key.
PATIENCE = 5000
# A number in a cell, with what may follow it: 1,234.5, −2e-3, 87.7%, 5 ± 1, 5 (4 to 6).
NUMBER = re.compile(r"([-+−]?(?:\d[\d,]*)?\.?\d+(?:e[-+−]?\d+)?)\s*%?\s*(?:±.*|\(.*\))?")
MISSING = {"", "-", "–", "—"}


def ask(page, name, argument=None):
    """What a function of report.js says of the page."""
    return page.evaluate(f"argument => {{ {QUESTIONS}; return {name}(argument); }}", argument)


class Report:
    """A report in a browser, and what was found wrong with it."""

    def __init__(self, browser, path):
        self.browser = browser
        self.address = path.resolve().as_uri()
        # Each line with the views of the page that it holds for, as the keys of a dictionary.
        self.wrong = {}

    @contextlib.contextmanager
    def opened(self, view, size, **options):
        """The page, and what takes note of lines; every request but that for the report is refused."""

        def note(lines):
            for line in lines:
                self.wrong.setdefault(" ".join(line.split()), {})[view] = True

        def answer(route):
            if route.request.url == self.address and route.request.is_navigation_request():
                route.continue_()
            else:
                note([f"it asks for {route.request.url[:200]}"])
                route.abort()

        def refuse(socket):
            note([f"it connects to {socket.url}"])
            socket.close()

        def read(message):
            if message.type in ("error", "warning"):
                note([f"{message.type} on the console: {message.text}"])

        width, height = size
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce",
            service_workers="block", **options)
        context.set_default_timeout(PATIENCE)
        context.route("**/*", answer)
        context.route_web_socket("**/*", refuse)
        page = context.new_page()
        page.on("console", read)
        page.on("pageerror", lambda error: note([f"error in a script: {error}"]))
        try:
            page.goto(self.address)
            yield page, note
        except Error as error:
            note([error.message.splitlines()[0]])
        context.close()


def violations(page):
    """What axe-core finds."""
    options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
    for found in Axe().run(page, options=options).response["violations"]:
        places = [json.dumps(node["target"]) for node in found["nodes"]]
        more = f" and {len(places) - NAMED} more" if len(places) > NAMED else ""
        places = ", ".join(places[:NAMED])
        yield f"axe: {found['id']} ({found['impact']}): {found['help']}: {places}{more}"


def numbers(rows, column):
    """The numbers of a column; none if it has words too, or fewer than two different numbers."""
    cells = [row[column] for row in rows if row[column] not in MISSING]
    found = [NUMBER.fullmatch(cell) for cell in cells]
    if not all(found):
        return []
    values = [float(number[1].replace(",", "").replace("−", "-")) for number in found]
    return values if len(set(values)) > 1 else []


def sorting(page):
    """Sorts each table by each column of numbers; the first thing that is wrong with each."""
    tried = 0
    for place, table in enumerate(page.locator("table.sortable").all()):
        before = ask(page, "table", place)["rows"]
        titles = table.locator("thead th").all()
        if any(len(row) != len(titles) for row in before):
            yield f"sortable table {place + 1} has not a title for each cell of its rows"
            continue
        for column, title in enumerate(titles):
            name = f"sortable table {place + 1}, column {column + 1}"
            button = title.locator("button")
            if button.count() != 1:
                yield f"{name}: there is no button to sort by"
            elif numbers(before, column):
                tried += 1
                wrong = pressing(button, before, column, lambda: ask(page, "table", place))
                yield from (f"{name}: {line}" for line in itertools.islice(wrong, 1))
    if not tried:
        yield "there is no sortable table with a column of numbers"


def pressing(button, before, column, read):
    """Clicks and keys on a title, and the rows that follow."""
    ways = [("a click", button.click), ("a second click", button.click),
            ("Enter", lambda: button.press("Enter")), ("Space", lambda: button.press("Space"))]
    for (way, press), order in zip(ways, ["ascending", "descending"] * 2, strict=True):
        press()
        table = read()
        values = numbers(table["rows"], column)
        if sorted(table["rows"]) != sorted(before):
            yield f"{way} changes the rows"
        if values != sorted(values, reverse=order == "descending"):
            yield f"{way} does not sort the rows in {order} order"
        if table["sorted"] != [[column, order]]:
            yield f"{way} does not set aria-sort to {order} there and nowhere else"


def skipping(page):
    """The first link is shown when it has the focus, and leads past the navigation."""
    page.keyboard.press("Tab")
    link = ask(page, "focus")
    if not link["leads"]:
        yield "the first thing that Tab reaches is no link to the content"
        return
    if not link["seen"]:
        yield "the link to the content is not to be seen when it has the focus"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    if not ask(page, "focus")["inside"]:
        yield "the link to the content does not move the focus there"


def check(report, sections, screenshots):
    """Every check; how many pictures and sortable tables there are."""
    brightness = {}
    for width, size in [("wide", WIDE), ("narrow", NARROW)]:
        for scheme in ["light", "dark"]:
            options = {"color_scheme": scheme, "is_mobile": size == NARROW}
            with report.opened(f"{width}, {scheme}", size, **options) as (page, note):
                brightness[scheme] = ask(page, "brightness")
                if screenshots:
                    page.screenshot(path=screenshots / f"{width}-{scheme}.png", full_page=True)
                ask(page, "unfold")
                note(ask(page, "wider", size[0]))
                note(ask(page, "scrollers"))
                note(violations(page))
    if brightness["light"] >= brightness["dark"]:
        report.wrong["the text is not brighter than on the light page"] = {"dark": True}

    with report.opened("by keyboard", WIDE) as (page, note):
        note(skipping(page))
    with report.opened("with scripts", WIDE) as (page, note):
        note(ask(page, "sections", sections))
        note(ask(page, "links"))
        note(ask(page, "pictures"))
        counts = [page.locator(kind).count() for kind in ("img", "table.sortable")]
        ask(page, "unfold")
        note(sorting(page))
    with report.opened("without scripts", WIDE, java_script_enabled=False) as (page, note):
        note(ask(page, "sections", sections))
        note(ask(page, "hidden", True))
    with report.opened("on paper", PAPER) as (page, note):
        page.emulate_media(media="print")
        note(ask(page, "hidden", False))
        note(ask(page, "cut"))
        note(ask(page, "wider", int(SHRUNK * PAPER[0])))
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("--sections", required=True, type=lambda names: names.split(","))
    parser.add_argument("--screenshots", type=pathlib.Path)
    arguments = parser.parse_args()
    if not arguments.report.is_file():
        parser.error(f"there is no file {arguments.report}")
    chromium = shutil.which("chromium") or parser.error("there is no chromium on the path")
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        report = Report(browser, arguments.report)
        pictures, tables = check(report, arguments.sections, arguments.screenshots)
        browser.close()
    if report.wrong:
        sys.exit("\n".join(f"{line} [{'; '.join(views)}]" for line, views in report.wrong.items()))
    print(f"{len(arguments.sections)} sections, {pictures} pictures, {tables} sortable tables")


main()
