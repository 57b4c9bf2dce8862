// What report.py asks of a page. Each of these returns lines that say what is wrong, unless it says otherwise.

// How an element is named in a line.
const named = element => {
  const place = element.parentElement?.closest("[id]");
  const own = element.localName + (element.id ? "#" + element.id : "");
  return place ? `${own} in #${place.id}` : own;
};

const children = (element, selector) => [...element.querySelectorAll(selector)];
const overflows = element =>
  element.scrollWidth > element.clientWidth || element.scrollHeight > element.clientHeight;

const sections = ids => ids.flatMap(id => {
  const section = document.querySelector("main section#" + CSS.escape(id));
  if (!section) return [`section ${id} is missing`];
  const wrong = [];
  const title = section.querySelector("h2")?.innerText.trim();
  if (!title) wrong.push(`section ${id} has no heading`);
  const text = section.innerText.trim();
  if (text === (title ?? "") && !section.querySelector("img")) wrong.push(`section ${id} is empty`);
  if (!document.querySelector(`nav a[href="#${id}"]`)) wrong.push(`section ${id} is not in the navigation`);
  return wrong;
});

const links = () => {
  const inside = children(document, 'a[href^="#"]').map(link => link.getAttribute("href"));
  const lost = inside.filter(href => !document.getElementById(decodeURIComponent(href.slice(1))));
  // No request comes of a preconnect, and still it leaves the page.
  const outside = children(document, "link[href]").filter(link => !link.href.startsWith("data:"));
  return [
    ...lost.map(href => `the link ${href} leads nowhere`),
    ...outside.map(link => `the head of the page names ${link.href}`),
  ];
};

// A picture is blank if each of its pixels is like the first.
const pictures = async () => {
  const all = [...document.images];
  const wrong = await Promise.all(all.map(async (picture, place) => {
    const name = `picture ${place + 1} of ${all.length}, ${named(picture)},`;
    const found = [];
    if (!picture.alt.trim()) found.push(`${name} has no alternative text`);
    try { await picture.decode(); } catch { return [...found, `${name} cannot be loaded`]; }
    const { naturalWidth: width, naturalHeight: height } = picture;
    if (!width || !height) return [...found, `${name} has no size`];
    const canvas = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    canvas.drawImage(picture, 0, 0);
    const pixels = new Uint32Array(canvas.getImageData(0, 0, width, height).data.buffer);
    if (pixels.every(pixel => pixel === pixels[0])) found.push(`${name} is blank`);
    return found;
  }));
  return all.length ? wrong.flat() : ["there are no pictures"];
};

// The first element is named that reaches over the edge and is in nothing that scrolls by itself.
const wider = most => {
  const { scrollWidth } = document.documentElement;
  if (scrollWidth <= most) return [];
  const scrolls = element => element !== document.body
    && (getComputedStyle(element).overflowX !== "visible" || scrolls(element.parentElement));
  const wide = children(document.body, "*").find(element =>
    element.getBoundingClientRect().right > most && !scrolls(element.parentElement));
  return [`the page is ${scrollWidth} pixels wide in ${most}: ${named(wide ?? document.body)}`];
};

const scrollers = () => children(document.body, "*")
  .filter(element => /auto|scroll/.test(getComputedStyle(element).overflow))
  .filter(element => overflows(element) && element.tabIndex < 0)
  .map(element => `${named(element)} scrolls and cannot have the focus`);

// What main has and does not show. What is folded away is left out where it can be unfolded.
const hidden = unfoldable => {
  const folded = element => element.parentElement?.closest("details:not([open])")
    && !element.matches("details > summary, details > summary *");
  const all = children(document, "main, main *:not(script, style, template, noscript)")
    .filter(element => !(unfoldable && folded(element)));
  const shown = element => element.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    && (!element.matches("section, img") || element.offsetWidth * element.offsetHeight > 0);
  const away = new Set(all.filter(element => !shown(element)));
  return [...away]
    .filter(element => !away.has(element.parentElement))
    .map(element => `${named(element)} is not to be seen`);
};

// What paper has no way to scroll to.
const cut = () => children(document, "main, main *")
  .filter(element => getComputedStyle(element).overflow !== "visible" && overflows(element))
  .map(element => `${named(element)} is cut off`);

// No lines: how bright the text is.
const brightness = () => {
  const [red, green, blue] = getComputedStyle(document.body).color.match(/[\d.]+/g).map(Number);
  return red + green + blue;
};

// No lines: whether what has the focus can be seen, is a link to main, is in main.
const focus = () => {
  const element = document.activeElement;
  const { top, left, bottom, right, width, height } = element.getBoundingClientRect();
  const within = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
  return {
    seen: within && width > 0 && height > 0,
    leads: element.hash === "#" + document.querySelector("main").id,
    inside: element.matches("main *"),
  };
};

// No lines: the texts of the rows of a sortable table, and the columns by which it says it is sorted.
const table = place => {
  const found = children(document, "table.sortable")[place];
  const rows = [...found.tBodies].flatMap(body => [...body.rows]);
  const titles = [...found.tHead.rows[0].cells].map((cell, column) => [column, cell.ariaSort]);
  return {
    rows: rows.map(row => [...row.cells].map(cell => cell.innerText.trim())),
    sorted: titles.filter(([, order]) => order && order !== "none"),
  };
};

const unfold = () => children(document, "details").forEach(part => { part.open = true; });
