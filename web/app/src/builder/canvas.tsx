import { Badge } from '@mantine/core'
import { ChevronDown, ChevronRight, Plus } from 'lucide-react'
import { createContext, Fragment, memo, useContext } from 'react'

import type { Kind, ScenarioDoc, Step } from '../api/types'
import { t } from '../i18n'
import { type Address, at, branches, summary } from '../model/document'
import { stepsWithin } from '../model/steps'
import { type Trace, verdict } from '../model/trace'
import { Status } from '../ui/status'
import { cardName, effectOf, titleOf } from './say'

/** What every card needs; it changes seldom, so that an edit draws few cards anew. */
export type Bench = {
  kinds: Map<string, Kind>
  selected: Address | undefined
  select: (address: Address, extend?: boolean) => void
  /** Whether a card is one of those that are chosen together. */
  chosen: (address: Address) => boolean
  folded: ReadonlySet<string>
  fold: (id: string) => void
  /** Puts a step there; absent where the canvas is only looked at. */
  add?: (list: Address, index: number) => void
  /** What a run or a test did at each step. */
  trace?: Trace | undefined
  wrong: (address: Address) => string | undefined
  /** How many problems a card has, alone or with all that is in it. */
  problems: (address: Address, within?: boolean) => number
}

export const BenchContext = createContext<Bench | undefined>(undefined)

function useBench(): Bench {
  const bench = useContext(BenchContext)
  if (!bench) throw new Error('a card outside of a bench')
  return bench
}

/** The scenario as cards under each other. It is laid out by the page itself; no position is stored. */
export const Canvas = memo(({ doc }: { doc: ScenarioDoc }) => {
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
})

function Cards({ list, steps, add, title }: { list: Address; steps: Step[]; add: string; title?: string }) {
  const bench = useBench()
  return (
    <>
      <AddButton list={list} index={0} label={title ? t('builder.addFirst', { name: title }) : add} add={bench.add} />
      <ul>
        {steps.map((step, i) => (
          <li key={step.id ?? i}>
            <div className="wire" />
            <Card step={step} address={`${list}[${i}]`} n={i + 1} all={steps.length} />
            <Branches step={step} address={`${list}[${i}]`} />
            <div className="wire" />
            <AddButton list={list} index={i + 1} label={list === 'triggers' ? add : t('builder.addHere', { name: step.name || step.id })} add={bench.add} />
          </li>
        ))}
      </ul>
    </>
  )
}

/** The place of a list itself is its first button: the keys lead there when it is empty. */
const AddButton = memo(({ list, index, label, add }: { list: Address; index: number; label: string; add: Bench['add'] }) => add && (
  <button type="button" className="add" data-address={index === 0 ? list : undefined} aria-label={label} title={label} onClick={() => add(list, index)}><Plus size={16} aria-hidden /></button>
))

function Card({ step, address, n, all }: { step: Step; address: Address; n: number; all: number }) {
  const { kinds, selected, select, wrong, chosen, problems, folded, trace } = useBench()
  const kind = kinds.get(`${address.startsWith('triggers') ? 'trigger' : 'step'}:${step.kind}`)
  const walks = trace?.get(step.id)
  return (
    <Face
      step={step} address={address} n={n} all={all} kind={kind} current={selected === address} chosen={chosen(address)} problem={wrong(address)} problems={problems(address, folded.has(step.id))} select={select}
      went={walks && verdict(walks)} times={walks?.length ?? 0} effect={walks && effectOf(walks)} idle={trace !== undefined && walks === undefined && !address.startsWith('triggers')}
    />
  )
}

type FaceProps = { step: Step; address: Address; n: number; all: number; kind: Kind | undefined; current: boolean; chosen: boolean; problem: string | undefined; problems: number; select: Bench['select']; went: ReturnType<typeof verdict> | undefined; times: number; effect: string | undefined; idle: boolean }

/** What one sees of a card. It is drawn anew only when that changes. */
const Face = memo(({ step, address, n, all, kind, current, chosen, problem, problems, select, went, times, effect, idle }: FaceProps) => (
  <div className="card-box">
  <button
    type="button" className="card" data-address={address} aria-current={current} data-chosen={chosen} data-wrong={problem !== undefined} data-off={step.disabled === true} data-went={went} data-idle={idle}
    aria-label={`${cardName(step, kind, n, all, problems, problem)}${effect ? `, ${effect}` : ''}${went ? `, ${t(`status.${went}`)}${times > 1 ? ` × ${times}` : ''}` : ''}`} onClick={(e) => select(address, e.shiftKey)}
  >
    <span className="card-title">{titleOf(step, kind)}</span>{' '}
    <span className="card-says" aria-hidden={problem !== undefined}>{problem ?? summary(step)}</span>{' '}
    {effect ? <span className="card-effect" aria-hidden>{effect}</span> : null}
  </button>
  {problem ? <span className="card-pill" aria-hidden><Badge color="red" className="status">!</Badge></span> : went ? <span className="card-pill" aria-hidden><Status status={went} times={times} /></span> : null}
  </div>
))

/** The lists of steps in a step: branches beside each other, the body of a loop in a frame. */
function Branches({ step, address }: { step: Step; address: Address }) {
  const { kinds, folded, fold, problems } = useBench()
  const doc = useContext(DocContext)
  const list = branches(step, address, kinds.get(`step:${step.kind}`))
  if (list.length === 0) return null
  const name = titleOf(step, kinds.get(`step:${step.kind}`))
  if (folded.has(step.id)) {
    const wrong = problems(address, true) - problems(address)
    return (
      <>
        <div className="wire" />
        <button type="button" className="folded" aria-expanded={false} data-wrong={wrong > 0} aria-label={t('edit.unfold', { name })} onClick={() => fold(step.id)}>
          <ChevronRight size={16} aria-hidden /> {t('edit.steps', { n: stepsWithin(step, kinds) })}{wrong > 0 ? `, ${t('builder.problems', { n: wrong })}` : ''}
        </button>
      </>
    )
  }
  return (
    <>
      <div className="wire" />
      <button type="button" className="fold" aria-expanded aria-label={t('edit.fold', { name })} title={t('edit.fold', { name })} onClick={() => fold(step.id)}><ChevronDown size={16} aria-hidden /></button>
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
