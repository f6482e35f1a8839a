import type { Kind, Step } from '../api/types'
import { t } from '../i18n'
import type { Line } from '../model/trace'
import type { Address } from '../model/document'
import { summary } from '../model/document'
import type { Problem } from './draft'

/** What a step is called: by its own name, else by its kind. */
export const titleOf = (step: Pick<Step, 'name' | 'kind'>, kind: Kind | undefined): string => step.name || kind?.title || step.kind

/** What is said of a card or a line: "Step 3 of 7, Send PUSH-message, → * · refresh-orders, 1 problem". */
export function cardName(step: Step, kind: Kind | undefined, n: number, all: number, problems: number, line = summary(step)): string {
  const says = [titleOf(step, kind), line]
  if (step.disabled === true) says.push(t('builder.off'))
  if (problems > 0) says.push(t('builder.problems', { n: problems }))
  return t('builder.stepOf', { n, all, title: says.filter(Boolean).join(', ') })
}

const inner = /\.(then|else|do|catch|cases\[\d+\]\.then)\[\d+\]/

/** The problems of a card itself, without those of the steps in it. */
export const problemsAt = (problems: Problem[], address: Address): Problem[] =>
  problems.filter((p) => p.path === address || (p.path.startsWith(`${address}.`) && !inner.test(p.path.slice(address.length))))

/** The problems of a card and of all steps in it. */
export const problemsWithin = (problems: Problem[], address: Address): number => problems.filter((p) => p.path === address || p.path.startsWith(`${address}.`)).length

/** What a step's walks did to the world, in a few words; nothing where they did nothing. */
export function effectOf(walks: Line[]): string | undefined {
  const sum = (of: (w: Line) => number | undefined) => walks.reduce((n, w) => n + (of(w) ?? 0), 0)
  const reached = sum((w) => w.deliveries?.delivered)
  const sent = walks.some((w) => w.deliveries)
  const parts = [
    sent ? (reached > 0 ? t('run.delivered', { n: reached }) : t('run.nobody')) : '',
    walks.some((w) => w.pushes) ? t('result.wouldReach', { n: sum((w) => w.pushes?.reduce((n, p) => n + p.online, 0)) }) : '',
    walks.some((w) => w.changes) ? t('test.changes', { n: sum((w) => w.changes?.length) }) : '',
    walks.length === 1 && walks[0]?.error ? walks[0].error : '',
  ].filter(Boolean)
  return parts.length > 0 ? parts.join(' · ') : undefined
}
