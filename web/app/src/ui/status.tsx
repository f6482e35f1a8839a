import { Badge } from '@mantine/core'

import type { RunStatus, ScenarioState, StepRecord } from '../api/types'
import { t } from '../i18n'

const colors: { [status in RunStatus | StepRecord['status']]: string } = {
  ready: 'blue', queued: 'gray', waiting: 'yellow', calling: 'yellow', done: 'green', failed: 'red', cancelled: 'gray', not_matched: 'gray', merged: 'gray', skipped: 'gray',
}

/** How a run or a step stands, in a colour and in a word. */
export function Status({ status, times = 1 }: { status: RunStatus | StepRecord['status']; times?: number }) {
  return <Badge color={colors[status]} variant="light" autoContrast className="status">{t(`status.${status}`)}{times > 1 ? ` × ${times}` : ''}</Badge>
}

export function StateBadge({ state }: { state: ScenarioState }) {
  return <Badge color={state === 'running' ? 'green' : state === 'paused' ? 'yellow' : 'gray'} variant="light" className="status">{t(`state.${state}`)}</Badge>
}
