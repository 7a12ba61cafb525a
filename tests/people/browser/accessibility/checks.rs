//! The accessibility rules that a program can check: WCAG 2.2, level AA.

use portcullis_tests::lab::Browser;

/// Lists the faults of the current page: whether it is wider than the screen (1.4.10), declares its
/// language (3.1.1), has one `h1` and one `main` (1.3.1), a title (2.4.2), names for all controls
/// (4.1.2), contrast (1.4.3), and large enough targets (2.5.8).
const FAULTS: &str = r#"
const faults = [];
const one = (selector) => document.querySelectorAll(selector).length === 1;
const page = document.documentElement;
if (page.scrollWidth > innerWidth) faults.push(`${page.scrollWidth} wide on ${innerWidth}`);
if (page.lang !== 'en') faults.push(`its language is ${page.lang}`);
if (!one('h1')) faults.push('not one h1');
if (!one('main') || !document.querySelector('main h1')) faults.push('not one main part');
if (document.title !== document.querySelector('h1')?.textContent) faults.push(`title ${document.title}`);
for (const part of document.querySelectorAll('a, button, input:not([type=hidden])')) {
  const name = (part.labels?.[0]?.textContent ?? part.textContent).trim();
  if (!name) faults.push(`no name: ${part.outerHTML}`);
  if (part.tagName === 'A' && !part.hasAttribute('href')) faults.push(`no link: ${part.outerHTML}`);
  const { width, height } = part.getBoundingClientRect();
  if (width < 24 || height < 24) faults.push(`${width} by ${height}: ${part.outerHTML}`);
}
const channels = (color) => {
  const [red, green, blue, alpha = 1] = color.match(/[\d.]+/g).map(Number);
  return { rgb: [red, green, blue], alpha };
};
const luminance = (color) => {
  const [red, green, blue] = channels(color).rgb.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const background = (element) => {
  for (let part = element; part; part = part.parentElement) {
    const color = getComputedStyle(part).backgroundColor;
    if (channels(color).alpha === 1) return color;
  }
  return 'rgb(255, 255, 255)';
};
const contrast = (one, other) => {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let seen = 0;
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement;
  if (!texts.currentNode.textContent.trim() || element.closest('script, style, noscript')) continue;
  seen += 1;
  const style = getComputedStyle(element);
  const found = contrast(style.color, background(element));
  if (found < 4.5) faults.push(`contrast ${found.toFixed(2)}: ${element.outerHTML}`);
  if (parseFloat(style.fontSize) < 12) faults.push(`${style.fontSize}: ${element.outerHTML}`);
}
if (seen < 2) faults.push('no text');
return faults;
"#;

/// The controls of the page, in order.
const CONTROLS: &str =
    "return [...document.querySelectorAll('a[href], button')].map((part) => part.outerHTML)";

/// The focused element, and whether the focus is visible (2.4.7, 2.4.11).
const FOCUSED: &str = "const part = document.activeElement; const style = getComputedStyle(part); \
    const seen = part.matches(':focus-visible') && style.outlineStyle !== 'none' \
        && parseFloat(style.outlineWidth) >= 2; \
    return [part.outerHTML, seen]";

/// The faults of the current page.
pub(super) async fn faults(browser: &Browser) -> Vec<String> {
    let faults = browser.run(FAULTS).await;
    let faults = faults.as_array().unwrap().iter();
    faults
        .map(|fault| fault.as_str().unwrap().to_owned())
        .collect()
}

/// Reaches all controls of the current page with Tab, in order, and checks that the focus is
/// visible.
pub(super) async fn assert_keyboard_navigation(browser: &Browser, name: &str) {
    let controls = browser.run(CONTROLS).await;
    for part in controls.as_array().unwrap() {
        browser.press_tab().await;
        let focused = browser.run(FOCUSED).await;
        assert_eq!(&focused[0], part, "{name}");
        assert_eq!(
            focused[1], true,
            "{name}: the focus on {part} is not visible"
        );
    }
}
