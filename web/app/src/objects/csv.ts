/** The rows of a CSV text (RFC 4180): quoted cells may hold separators, breaks and doubled quotes. The separator is the one of , ; and tab that the first line has most of. */
export function readCsv(text: string): string[][] {
  const source = text.replace(/^\uFEFF/, '')
  const head = source.slice(0, source.search(/\r?\n|$/))
  const separator = [',', ';', '\t'].reduce((best, s) => (head.split(s).length > head.split(best).length ? s : best), ',')
  const rows: string[][] = []
  let row: string[] = []
  let cell = ''
  let quoted = false
  const endRow = () => {
    row.push(cell)
    if (row.length > 1 || row[0] !== '') rows.push(row)
    row = []
    cell = ''
  }
  for (let i = 0; i < source.length; i++) {
    const c = source[i]
    if (quoted) {
      if (c !== '"') cell += c
      else if (source[i + 1] === '"') cell += source[++i]
      else quoted = false
    } else if (c === '"' && cell === '') quoted = true
    else if (c === separator) {
      row.push(cell)
      cell = ''
    } else if (c === '\n') endRow()
    else if (c !== '\r') cell += c
  }
  if (cell !== '' || row.length > 0) endRow()
  return rows
}

/** A line of CSV. What a spreadsheet would take for a formula gets a quote before it, unless it is a number. */
export function csvLine(cells: string[]): string {
  return `${cells.map((cell) => {
    const safe = /^[=@\t\r]|^[+-](?!\d)/.test(cell) ? `'${cell}` : cell
    return /[",;\n\r\t]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
  }).join(',')}\r\n`
}
