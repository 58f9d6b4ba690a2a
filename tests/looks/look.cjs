// Looks at pages and mails in the system's Chromium, and at Markdown with a CommonMark reader. Started by
// tests/tests/looks.rs in target/looks, where the packages are; told by the file that it is given what to look at. What is
// wrong goes to standard output: a JSON list of sentences.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { createRequire } = require('node:module');
const { pathToFileURL } = require('node:url');
const here = process.cwd();
const packages = createRequire(path.join(here, 'package.json'));
const { chromium } = packages('playwright-core');
const axe = fs.readFileSync(packages.resolve('axe-core/axe.min.js'), 'utf8');
const markdown = packages('markdown-it');

const told = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
// Sentence -> where: the same is wrong in most looks.
const wrong = new Map();
const say = (where, what) => wrong.set(what, [...(wrong.get(what) ?? []), where]);
const WIDTHS = { wide: 760, phone: 390, narrow: 320 };
// A taller picture tells no more, and Chromium cuts it at 16,384 anyway.
const TALLEST = 12000;
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
// A mail is shown within the page of its reader's client: that page has the landmarks, and the subject as its heading.
const NOT_OF_A_MAIL = { 'landmark-one-main': { enabled: false }, 'page-has-heading-one': { enabled: false },
  region: { enabled: false } };

/// What no page of ours has; a string that became markup has one of them.
function inspect() {
  const found = [];
  const tell = (what, element) => found.push(`${what}: ${element.outerHTML.slice(0, 160)}`);
  const forbidden = 'script,iframe,frame,object,embed,applet,form,input,base,link,audio,video,portal,noscript';
  document.querySelectorAll(forbidden).forEach((element) => tell('an element that does things', element));
  document.querySelectorAll('meta[http-equiv="refresh" i]').forEach((element) => tell('a refresh', element));
  for (const element of document.querySelectorAll('*')) {
    for (const { name, value } of element.attributes) {
      const bare = value.replace(/[\u0000-\u0020]/g, '').toLowerCase();
      if (/^on/i.test(name)) tell(`the handler ${name}`, element);
      const fetched = ['src', 'srcset', 'href', 'xlink:href', 'background', 'poster', 'action', 'data', 'ping'];
      if (!fetched.includes(name.toLowerCase())) continue;
      const picture = element.localName === 'img' && name === 'src' && bare.startsWith('data:image/png;base64,');
      const within = name !== 'src' && bare.startsWith('#');
      if (!picture && !within) tell(`${name} leads elsewhere`, element);
    }
  }
  return { found, text: document.documentElement.textContent };
}

async function open(browser, look, scheme, width) {
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: { width: WIDTHS[width], height: 900 },
    offline: true,
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
  const page = await context.newPage();
  const where = `${look.name} (${scheme}, ${width})`;
  page.on('request', (request) => {
    if (!/^(file|data):/.test(request.url())) say(where, `asks for ${request.url().slice(0, 120)}`);
  });
  page.on('dialog', (dialog) => {
    say(where, `says ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  page.on('console', (message) => {
    if (message.type() === 'error') say(where, message.text().slice(0, 200));
  });
  await page.goto(pathToFileURL(path.join(here, look.file)).href, { waitUntil: 'load' });
  return { context, page, where };
}

async function fits(page, where) {
  const widths = await page.evaluate(() => {
    const root = document.documentElement;
    const beyond = [...document.querySelectorAll('body *')].filter(
      (element) => element.getBoundingClientRect().right > root.clientWidth + 0.5,
    );
    return { have: root.clientWidth, need: root.scrollWidth, by: beyond.at(-1)?.outerHTML.slice(0, 160) };
  });
  if (widths.need > widths.have) {
    say(where, `scrolls sideways, ${widths.need} px in ${widths.have}: ${widths.by}`);
  }
}

async function check(page, where, mail) {
  await page.evaluate(axe);
  const options = { runOnly: { type: 'tag', values: TAGS }, resultTypes: ['violations', 'incomplete'] };
  if (mail) options.rules = NOT_OF_A_MAIL;
  const done = await page.evaluate((options) => window.axe.run(document, options), options);
  const first = (node) => node.any[0] ?? node.all[0] ?? node.none[0];
  for (const rule of done.violations) {
    rule.nodes.slice(0, 3).forEach((node) => say(where, `${rule.id}: ${first(node)?.message}: ${node.html.slice(0, 160)}`));
  }
  // A contrast that axe could not work out was not seen to be enough; but of a lone symbol it never works it out.
  for (const node of done.incomplete.filter((rule) => rule.id === 'color-contrast').flatMap((rule) => rule.nodes)) {
    const { data, message } = first(node);
    if (data?.messageKey !== 'nonBmp') say(where, `color-contrast: ${message}: ${node.html.slice(0, 160)}`);
  }
}

async function look(browser, one) {
  for (const scheme of ['light', 'dark']) {
    for (const width of ['wide', 'phone']) {
      const { context, page, where } = await open(browser, one, scheme, width);
      const height = await page.evaluate(() => document.documentElement.scrollHeight);
      const clip = { x: 0, y: 0, width: WIDTHS[width], height: Math.min(height, TALLEST) };
      await page.screenshot({ path: `${one.name}.${width}.${scheme}.png`, fullPage: true, clip });
      if (one.top && width === 'wide' && scheme === 'light') {
        await page.screenshot({ path: `${one.name}.top.png`, fullPage: true, clip: { ...clip, height: one.top } });
      }
      await fits(page, where);
      if (scheme === 'light' && width === 'wide') {
        const { found, text } = await page.evaluate(inspect);
        found.forEach((what) => say(where, what));
        const lost = one.shows.filter((shown) => !text.includes(shown));
        lost.forEach((shown) => say(where, `does not show ${JSON.stringify(shown)}`));
      }
      await check(page, where, one.mail);
      if (width === 'phone' && scheme === 'light') {
        await page.setViewportSize({ width: WIDTHS.narrow, height: 900 });
        await fits(page, `${one.name} (${scheme}, narrow)`);
      }
      await context.close();
    }
  }
}

// As GitHub reads it: HTML is let through, bare addresses become links. Our own <br> breaks lines within a table's cell.
function read(one) {
  const reader = markdown({ html: true, linkify: true, typographer: false });
  const walk = (tokens) => tokens.flatMap((token) => [token, ...walk(token.children ?? [])]);
  for (const token of walk(reader.parse(fs.readFileSync(path.join(here, one.file), 'utf8'), {}))) {
    const to = (token.attrGet?.('href') ?? token.attrGet?.('src') ?? '').toLowerCase();
    const bad =
      (token.type.startsWith('html_') && token.content !== '<br>' && 'is HTML') ||
      (token.type === 'image' && 'is a picture') ||
      (token.type === 'link_open' && !to.startsWith('#') && 'is a link');
    if (bad) say(one.name, `${(to || token.content).slice(0, 160)} ${bad}`);
  }
}

function named(where) {
  return where.slice(0, 4).join(', ') + (where.length > 4 ? ` and ${where.length - 4} more` : '');
}

async function main() {
  told.markdown.forEach(read);
  const browser = await chromium.launch({
    executablePath: told.chromium,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  try {
    // Two at a time: while one is drawn, the other is checked.
    const left = [...told.pages];
    const worker = async () => {
      for (let one = left.shift(); one; one = left.shift()) await look(browser, one);
    };
    await Promise.all([worker(), worker()]);
  } finally {
    await browser.close();
  }
  console.log(JSON.stringify([...wrong].map(([what, where]) => `${what}\n    in ${named(where)}`)));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
