"""What a reviewer does on the screen, for tests: click, drag over text, press keys."""

from __future__ import annotations

from typing import Any

TEXT = ".lsf-richtext:not(.curate-bar *) .lsf-htx-richtext"

# Finds the needle in the text's nodes (it must lie in one line) and returns the
# middle of its first and last character's box.
_FIND = """
([selector, needle, nth]) => {
  const root = document.querySelector(selector);
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const nodes = []; let text = '';
  while (walker.nextNode()) {
    nodes.push([walker.currentNode, text.length]); text += walker.currentNode.data;
  }
  let at = -1;
  for (let i = 0; i <= nth; i++) at = text.indexOf(needle, at + 1);
  if (at < 0) return null;
  const place = (offset, after) => {
    for (let i = nodes.length - 1; i >= 0; i--) {
      const [node, start] = nodes[i];
      if (start < offset || (!after && start === offset)) return [node, offset - start];
    }
  };
  const range = document.createRange();
  range.setStart(...place(at, false)); range.setEnd(...place(at + needle.length, true));
  range.startContainer.parentElement.scrollIntoView({block: 'center'});
  const boxes = [...range.getClientRects()];
  const first = boxes[0], last = boxes[boxes.length - 1];
  return {x0: first.left, y0: (first.top + first.bottom) / 2,
          x1: last.right, y1: (last.top + last.bottom) / 2};
}
"""


WAIT_MS = 120_000
"""As long as a page may take to come on a machine that is busy with other things."""

REGIONS = ".htx-highlight"


class Screen:
    """The labeling screen of one task."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url

    def open(self, project: int, task: int, *, wait_regions: bool = True) -> None:
        """Go to a task and wait until its regions are drawn."""
        self.page.goto(f"{self.url}/projects/{project}/data?task={task}", timeout=WAIT_MS)
        self.page.wait_for_selector(".lsf-main-content .lsf-richtext__line", timeout=WAIT_MS)
        if wait_regions:
            self.page.wait_for_selector(REGIONS, timeout=WAIT_MS)
        self.page.wait_for_timeout(300)

    def box(self, needle: str, nth: int = 0) -> dict[str, float]:
        """Where a piece of text is shown."""
        found = self.page.evaluate(_FIND, [TEXT, needle, nth])
        assert found is not None, f"{needle!r} is not on the screen"
        return dict(found)

    def click(self, needle: str, *, ctrl: bool = False) -> None:
        """Click the region that shows the text."""
        box = self.box(needle)
        if ctrl:
            self.page.keyboard.down("Control")
        self.page.mouse.click(box["x0"] + 3, box["y0"])
        if ctrl:
            self.page.keyboard.up("Control")
        self.page.wait_for_selector(f"{REGIONS}.__active", timeout=WAIT_MS)
        self.page.wait_for_timeout(150)

    def drag(self, needle: str, *, short_by: float = 0.0) -> None:
        """Select a piece of text with the mouse, ending `short_by` pixels early."""
        box = self.box(needle)
        self.page.mouse.move(box["x0"] + 1, box["y0"])
        self.page.mouse.down()
        self.page.mouse.move((box["x0"] + box["x1"]) / 2, box["y1"], steps=4)
        self.page.mouse.move(box["x1"] - 1 - short_by, box["y1"], steps=4)
        self.page.mouse.up()
        self.page.wait_for_timeout(200)

    def press(self, key: str) -> None:
        """Press a key; for Backspace, wait until the region is gone."""
        n = self.page.locator(REGIONS).count()
        self.page.keyboard.press(key)
        if key == "Backspace":
            self._until("n => document.querySelectorAll('.htx-highlight').length < n", n)
        self.page.wait_for_timeout(150)

    def _until(self, condition: str, argument: object = None) -> None:
        self.page.wait_for_function(condition, arg=argument, timeout=WAIT_MS)

    def label(self, key: str, needle: str, **options: float) -> None:
        """Choose a label by its digit and drag over the text."""
        n = self.page.locator(REGIONS).count()
        self.press(key)
        self.page.wait_for_selector(".curate-bar .lsf-label_selected", timeout=WAIT_MS)
        self.drag(needle, **options)
        self._until("n => document.querySelectorAll('.htx-highlight').length > n", n)
        self.press("Escape")

    def submit(self, project: int) -> None:
        """Submit with Ctrl+Enter and wait for the server."""
        with self.page.expect_response(
            lambda r: "/annotations" in r.url and r.request.method in ("POST", "PATCH"),
            timeout=WAIT_MS,
        ):
            self.page.keyboard.press("Control+Enter")
        self.page.wait_for_timeout(300)

    # ------------------------------------------------------------------ the stream

    def stream(self, project: int, text: str) -> None:
        """Begin to label the project's pages one after another; the first shows `text`."""
        self.page.goto(f"{self.url}/projects/{project}/data?labeling=1", timeout=WAIT_MS)
        self.wait_text(text)

    def wait_text(self, text: str) -> None:
        """Wait until a page that holds `text` is there with its regions."""
        self.page.wait_for_function(
            "([s, t]) => [...document.querySelectorAll(s)].some(e => e.innerText.includes(t)) &&"
            " document.querySelector('.htx-highlight')",
            arg=[TEXT, text],
            timeout=WAIT_MS,
        )
        self.page.wait_for_timeout(300)

    def choose(self, label: str) -> None:
        """Click a label above the text."""
        self.page.locator(".curate-bar").get_by_text(label, exact=True).first.click()
        self.page.wait_for_timeout(150)

    def panel(self, text: str) -> None:
        """Click a region in the list beside the text."""
        self.page.locator(".lsf-outliner-item").filter(has_text=text).first.click()
        self.page.wait_for_timeout(150)

    def skip(self) -> None:
        """Skip the page with its button."""
        with self.page.expect_response(
            lambda r: "/annotations" in r.url and r.request.method in ("POST", "PATCH"),
            timeout=WAIT_MS,
        ):
            self.page.get_by_role("button", name="Skip").click()
        self.page.wait_for_timeout(300)

    def unskip(self) -> None:
        """Take a skip back."""
        with self.page.expect_response(
            lambda r: "/annotations" in r.url and r.request.method in ("POST", "PATCH", "DELETE"),
            timeout=WAIT_MS,
        ):
            self.page.locator("button", has_text="Cancel skip").click()
        self.page.wait_for_timeout(300)
