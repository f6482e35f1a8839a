// Reads the help in Chromium: by keyboard, on a phone, in the dark. With a directory as its argument, it leaves screenshots there.
import assert from 'node:assert/strict'
import { join } from 'node:path'

import { browser, check, end, url } from './harness.mjs'
import { walk } from './walks.mjs'

const shots = process.argv[2]
const shoot = (tab, name) => shots && tab.screenshot({ path: join(shots, `${name}.png`), fullPage: true })
const path = (tab) => new URL(tab.url()).pathname

await check('one searches and opens a page by keyboard alone', {}, async (tab) => {
  await tab.goto(`${url}help/`)
  await shoot(tab, 'index')
  await tab.keyboard.press('/')
  assert.equal(await tab.evaluate(() => document.activeElement.id), 'q')
  await tab.keyboard.type('send push')
  await tab.keyboard.press('Enter')
  await tab.locator('ol.found').waitFor()
  assert.equal(path(tab), '/help/search')
  await shoot(tab, 'search')
  const wanted = tab.locator('ol.found a[href="/help/steps/push"]')
  for (let i = 0; i < 200 && !(await wanted.evaluate((link) => link === document.activeElement)); i++) await tab.keyboard.press('Tab')
  await tab.keyboard.press('Enter')
  await tab.getByRole('heading', { level: 1, name: 'Send PUSH-message' }).waitFor()
  assert.equal(await tab.locator('#pages [aria-current=page]').textContent().then((text) => text.startsWith('Send PUSH-message')), true)
  await shoot(tab, 'push')
})

await check('the skip link leads to the text, and every picture is there', {}, async (tab) => {
  await tab.goto(`${url}help/`)
  await tab.keyboard.press('Tab')
  await tab.keyboard.press('Enter')
  assert.equal(await tab.evaluate(() => document.activeElement.id), 'text')
  await tab.getByRole('img', { name: /a scenario runs/ }).waitFor()
  for (const page of ['five-minutes', 'order-desk', 'messenger', 'scenarios', 'refresher', 'any-client']) {
    await tab.goto(`${url}help/${page}`)
    assert.ok((await tab.locator('figure').count()) > 0, `${page} has no picture`)
    const sizes = await tab.locator('figure img, figure svg').evaluateAll((all) => all.map((one) => [one.getBoundingClientRect().width, one.naturalWidth ?? 1]))
    assert.ok(sizes.every(([width, natural]) => width > 100 && natural > 0), `a picture of ${page} is empty`)
    await shoot(tab, page)
  }
})

await check('a phone shows every page without scrolling sideways', { viewport: { width: 360, height: 740 }, colorScheme: 'dark' }, async (tab) => {
  await tab.goto(`${url}help/`)
  const pages = await tab.locator('#pages a[href^="/help/"]').evaluateAll((links) => links.map((link) => link.href))
  assert.ok(pages.length > 35)
  for (const page of pages) {
    await tab.goto(page)
    assert.ok(await tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${page} scrolls sideways`)
  }
  await tab.goto(`${url}help/messenger`)
  await shoot(tab, 'phone-dark')
  await tab.getByRole('link', { name: 'Pages' }).click()
  await tab.getByRole('link', { name: 'Operating' }).click()
  await tab.getByRole('heading', { level: 1, name: 'Operating' }).waitFor()
  await shoot(tab, 'phone-operating')
})

await check('without JavaScript the search works', { javaScriptEnabled: false, colorScheme: 'dark' }, async (tab) => {
  await tab.goto(`${url}help/`)
  await tab.getByRole('searchbox', { name: 'Search the help' }).fill('addDays')
  await tab.getByRole('button', { name: 'Search' }).click()
  await tab.locator('ol.found a').first().click()
  await tab.getByRole('heading', { level: 1, name: 'Expressions and templates' }).waitFor()
  await shoot(tab, 'expressions-dark')
})

await check('code is copied as it stands', { permissions: ['clipboard-read', 'clipboard-write'] }, async (tab) => {
  await tab.goto(`${url}help/`)
  await tab.goto(`${url}help/five-minutes`)
  await tab.locator('.block', { hasText: 'kind: app' }).getByRole('button', { name: 'Copy' }).click()
  await tab.getByRole('button', { name: 'Copied' }).waitFor()
  assert.match(await tab.evaluate(() => navigator.clipboard.readText()), /^kind: app\nid: board\n/)
})

await walk()
await end()
