/** A line of the last values, the newest at the right; what it shows stands in its label. */
export function Spark({ values, label, wide = 120 }: { values: number[]; label: string; wide?: number }) {
  const tall = 28
  const top = Math.max(1, ...values)
  const step = wide / 59
  const points = values.slice(-60).map((v, i, all) => `${(wide - (all.length - 1 - i) * step).toFixed(1)},${(tall - 2 - (v / top) * (tall - 4)).toFixed(1)}`)
  return (
    <svg role="img" aria-label={label} width={wide} height={tall} viewBox={`0 0 ${wide} ${tall}`} className="spark">
      <line x1="0" x2={wide} y1={tall - 1} y2={tall - 1} />
      <polyline points={points.join(' ')} />
    </svg>
  )
}
