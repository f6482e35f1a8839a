import { Badge } from '@mantine/core'
import { Plus } from 'lucide-react'
import { createContext, Fragment, memo, type ReactNode, useContext } from 'react'

import type { Kind, ScenarioDoc, Step } from '../api/types'
import { t } from '../i18n'
import { type Address, at, branches, summary } from '../model/document'

/** What every card needs; it changes seldom, so that an edit draws few cards anew. */
export type Bench = {
  kinds: Map<string, Kind>
  selected: Address | undefined
  select: (address: Address) => void
  add: (list: Address, index: number) => void
  wrong: (address: Address) => string | undefined
}

export const BenchContext = createContext<Bench | undefined>(undefined)

function useBench(): Bench {
  const bench = useContext(BenchContext)
  if (!bench) throw new Error('a card outside of a bench')
  return bench
}

/** The scenario as cards under each other. It is laid out by the page itself; no position is stored. */
export function Canvas({ doc }: { doc: ScenarioDoc }) {
  return (
    <div className="canvas" role="region" aria-label={t('builder.outline')} tabIndex={-1}>
      <div className="lane">
        <div className="section">{t('builder.when')}</div>
        <Cards list="triggers" steps={doc.triggers ?? []} add={t('builder.addTrigger')} />
        <div className="wire" />
        <div className="section">{t('builder.steps')}</div>
        <Cards list="steps" steps={doc.steps ?? []} add={t('builder.addStep')} />
        <div className="section">{t('builder.catch')}</div>
        <Cards list="catch" steps={doc.catch ?? []} add={t('builder.addStep')} />
      </div>
    </div>
  )
}

function Cards({ list, steps, add, title }: { list: Address; steps: Step[]; add: string; title?: string }) {
  const bench = useBench()
  return (
    <>
      <AddButton label={title ? t('builder.addFirst', { name: title }) : add} onClick={() => bench.add(list, 0)} />
      <ul>
        {steps.map((step, i) => (
          <li key={step.id ?? i}>
            <div className="wire" />
            <Card step={step} address={`${list}[${i}]`} n={i + 1} all={steps.length}>
              <Branches step={step} address={`${list}[${i}]`} />
            </Card>
            <div className="wire" />
            <AddButton label={list === 'triggers' ? add : t('builder.addHere', { name: step.name || step.id })} onClick={() => bench.add(list, i + 1)} />
          </li>
        ))}
      </ul>
    </>
  )
}

const AddButton = memo(({ label, onClick }: { label: string; onClick: () => void }) => (
  <button type="button" className="add" aria-label={label} title={label} onClick={onClick}><Plus size={16} aria-hidden /></button>
))

function Card({ step, address, n, all, children }: { step: Step; address: Address; n: number; all: number; children: ReactNode }) {
  const { kinds, selected, select, wrong } = useBench()
  const trigger = address.startsWith('triggers')
  const kind = kinds.get(`${trigger ? 'trigger' : 'step'}:${step.kind}`)
  const title = step.name || kind?.title || step.kind
  const problem = wrong(address)
  return (
    <>
      <button
        type="button" className="card" data-address={address} aria-current={selected === address} data-wrong={problem !== undefined} data-off={step.disabled === true}
        aria-label={t('builder.stepOf', { n, all, title: `${title} ${problem ?? summary(step)}` })} onClick={() => select(address)}
      >
        {problem ? <Badge color="red" size="sm" className="status card-pill">!</Badge> : null}
        <span className="card-title">{title}</span>{' '}
        <span className="card-says">{problem ?? summary(step)}</span>
      </button>
      {children}
    </>
  )
}

/** The lists of steps in a step: branches beside each other, the body of a loop in a frame. */
function Branches({ step, address }: { step: Step; address: Address }) {
  const { kinds } = useBench()
  const doc = useContext(DocContext)
  const list = branches(step, address, kinds.get(`step:${step.kind}`))
  if (list.length === 0) return null
  return (
    <>
      <div className="wire" />
      <div className="branches" data-frame={step.kind === 'for_each' || step.kind === 'try'}>
        {list.map((b) => (
          <div className="branch" key={b.list}>
            <span className="branch-title" title={b.note}>{b.note ?? b.title}</span>
            <div className="wire" />
            <Fragment key={b.list}><Cards list={b.list} steps={(doc && at<Step[]>(doc, b.list)) ?? []} add={t('builder.addStep')} title={b.note ?? b.title} /></Fragment>
          </div>
        ))}
      </div>
    </>
  )
}

export const DocContext = createContext<ScenarioDoc | undefined>(undefined)
