import { ActionIcon, Badge, Group } from '@mantine/core'
import { ChevronDown, ChevronRight, Plus } from 'lucide-react'
import { memo, useMemo } from 'react'

import type { Kind, Step } from '../api/types'
import { type Key, t } from '../i18n'
import { type Address, parentOf, summary } from '../model/document'
import { isStep, rows, stepsWithin } from '../model/steps'
import type { Problem } from './draft'
import type { Editing } from './editing'
import { cardName, problemsAt, problemsWithin, titleOf } from './say'

const sections: { [list: string]: Key } = { triggers: 'builder.when', steps: 'builder.steps', catch: 'builder.catch' }

/** The scenario as a tree of lines: all that the canvas can, by keys; and what a phone shows. */
export function Outline({ editing, problems }: { editing: Editing; problems: Problem[] }) {
  const { doc, kinds, folded, selected, range } = editing
  const all = useMemo(() => rows(doc, kinds, folded), [doc, kinds, folded])
  // One line takes part in the order of Tab; the arrows lead to the others.
  const entry = selected ?? all.find((r) => r.step)?.address ?? 'steps'
  const inRange = (address: Address): boolean => {
    if (!range || !isStep(address)) return false
    const { list, index } = parentOf(address)
    return list === range.list && index >= range.from && index <= range.to
  }
  return (
    <div>
      <Group gap={4} mb={4}>
        <ActionIcon variant="default" aria-label={t('edit.addAfter')} title={t('edit.addAfter')} onClick={() => editing.add('after')}><Plus size={16} /></ActionIcon>
      </Group>
      <div className="outline" role="tree" aria-label={t('builder.outline')} aria-multiselectable="true">
        {all.map((r) => {
          const kind = r.step ? kinds.get(`${r.address.startsWith('triggers') ? 'trigger' : 'step'}:${r.step.kind}`) : undefined
          const label = r.title ?? t(sections[r.address] ?? 'builder.steps')
          return (
            <Line
              key={r.address} address={r.address} level={r.level} n={r.n} all={r.all} step={r.step} kind={kind} label={label} open={r.open} chosen={r.address === selected || inRange(r.address)} entry={r.address === entry}
              problem={r.step ? problemsAt(problems, r.address)[0]?.message : undefined} problems={r.step ? (r.open === false ? problemsWithin(problems, r.address) : problemsAt(problems, r.address).length) : 0}
              hidden={r.step && r.open === false ? stepsWithin(r.step, kinds) : 0} editing={editing}
            />
          )
        })}
      </div>
    </div>
  )
}

type LineProps = {
  address: Address; level: number; n: number; all: number; step: Step | undefined; kind: Kind | undefined; label: string; open: boolean | undefined
  chosen: boolean; entry: boolean; problem: string | undefined; problems: number; hidden: number; editing: Editing
}

// What a line does goes through the newest editing; only what it shows makes it be drawn anew.
const Line = memo(({ address, level, n, all, step, kind, label, open, chosen, entry, problem, problems, hidden, editing }: LineProps) => {
  const name = step ? cardName(step, kind, n, all, problems) : label
  return (
    <div
      role="treeitem" className="line" data-address={address} data-wrong={problem !== undefined} data-off={step?.disabled === true} aria-level={level} aria-setsize={all} aria-posinset={n} aria-selected={chosen}
      aria-expanded={open} aria-label={hidden > 0 ? `${name}, ${t('edit.steps', { n: hidden })}` : name} tabIndex={entry ? 0 : -1} style={{ paddingLeft: 4 + (level - 1) * 14 }}
      onClick={(e) => {
        editing.select(address, e.shiftKey)
        editing.setPanel(step !== undefined)
      }}
      onKeyDown={(e) => { if (e.key === ' ') { e.preventDefault(); editing.select(address) } }}
    >
      <span className="line-fold" aria-hidden onClick={(e) => { if (step && open !== undefined) { e.stopPropagation(); editing.fold(step.id) } }}>
        {step && open !== undefined ? (open ? <ChevronDown size={16} /> : <ChevronRight size={16} />) : null}
      </span>
      {step ? (
        <span className="line-text">
          <span className="card-title">{titleOf(step, kind)}</span>{' '}
          <span className="card-says">{summary(step)}</span>
        </span>
      ) : <span className="line-list">{label}</span>}
      {problems > 0 ? <Badge color="red" variant="light" size="sm" className="status" title={problem}>{t('builder.problems', { n: problems })}</Badge> : null}{' '}
      {hidden > 0 ? <Badge variant="default" size="sm" className="status">{t('edit.steps', { n: hidden })}</Badge> : null}
    </div>
  )
}, (a, b) => (Object.keys(a) as (keyof LineProps)[]).every((k) => k === 'editing' ? a.editing.select === b.editing.select && a.editing.fold === b.editing.fold : a[k] === b[k]))
