import { lazy, Suspense, useEffect } from 'react'
import { Redirect, Route, Switch } from 'wouter'

import { follow } from './api/live'
import { useApps, useSession } from './api/queries'
import { Overview } from './screens/overview'
import { Shell } from './screens/shell'
import { SignIn } from './screens/sign-in'
import { NotFound, Trouble, Waiting } from './ui/state'

// Each screen comes when it is opened first.
const Access = lazy(async () => ({ default: (await import('./screens/access')).Access }))
const ApiDocs = lazy(async () => ({ default: (await import('./docs/api-docs')).ApiDocs }))
const Apps = lazy(async () => ({ default: (await import('./screens/apps')).Apps }))
const Explain = lazy(async () => ({ default: (await import('./screens/explain')).Explain }))
const Live = lazy(async () => ({ default: (await import('./screens/live')).Live }))
const Objects = lazy(async () => ({ default: (await import('./screens/objects')).Objects }))
const RunDetail = lazy(async () => ({ default: (await import('./screens/run')).RunDetail }))
const Runs = lazy(async () => ({ default: (await import('./screens/runs')).Runs }))
const Scenarios = lazy(async () => ({ default: (await import('./screens/scenarios')).Scenarios }))
const People = lazy(async () => ({ default: (await import('./screens/people')).People }))
const Settings = lazy(async () => ({ default: (await import('./screens/settings')).Settings }))
const StructureScreen = lazy(async () => ({ default: (await import('./screens/structure')).StructureScreen }))
const Values = lazy(async () => ({ default: (await import('./screens/values')).Values }))
const Builder = lazy(async () => ({ default: (await import('./builder/builder')).Builder }))

/** The app's addresses. All of an app lies under /a/<app>/. */
export function Routes() {
  const session = useSession()
  if (session.isPending) return <Waiting />
  if (session.isError) return <Trouble error={session.error} retry={() => void session.refetch()} />
  if (session.data === null || session.data.kind !== 'account') return <SignIn />
  return (
    <Switch>
      <Route path="/a/:app/*?">{({ app }) => <InApp app={decodeURIComponent(app)} session={session.data?.id ?? ''} />}</Route>
      <Route path="/api/docs"><Suspense fallback={<Waiting />}><ApiDocs /></Suspense></Route>
      <Route path="/"><FirstApp /></Route>
      <Route><NotFound /></Route>
    </Switch>
  )
}

function FirstApp() {
  const apps = useApps()
  if (apps.isPending) return <Waiting />
  if (apps.isError) return <Trouble error={apps.error} retry={() => void apps.refetch()} />
  const first = apps.data.items.find((a) => a.id === 'demo') ?? apps.data.items[0]
  return first ? <Redirect to={`/a/${encodeURIComponent(first.id)}/`} replace /> : <NotFound />
}

function InApp({ app, session }: { app: string; session: string }) {
  const at = `/a/${encodeURIComponent(app)}`
  useEffect(() => follow(app), [app])
  return (
    <Shell app={app} session={session}>
      <Suspense fallback={<Waiting />}>
        <Switch>
          <Route path={`${at}/`}><Overview app={app} /></Route>
          <Route path={`${at}/scenarios`}><Scenarios app={app} /></Route>
          <Route path={`${at}/scenarios/:id`}>{({ id }) => <Builder key={id} app={app} id={decodeURIComponent(id)} />}</Route>
          <Route path={`${at}/runs`}><Runs app={app} /></Route>
          <Route path={`${at}/runs/:id`}>{({ id }) => <RunDetail app={app} id={decodeURIComponent(id)} />}</Route>
          <Route path={`${at}/changes/:seq`}>{({ seq }) => <Explain app={app} seq={seq} />}</Route>
          <Route path={`${at}/objects/:structure?`}>{({ structure }) => <Objects app={app} structure={decodeURIComponent(structure ?? '')} />}</Route>
          <Route path={`${at}/structures/:id?`}>{({ id }) => <StructureScreen key={id ?? ''} app={app} id={decodeURIComponent(id ?? '')} />}</Route>
          <Route path={`${at}/access`}><Access app={app} /></Route>
          <Route path={`${at}/apps`}><Apps app={app} /></Route>
          <Route path={`${at}/settings`}><Settings app={app} /></Route>
          <Route path={`${at}/live`}><Live app={app} /></Route>
          <Route path={`${at}/users`}><People app={app} /></Route>
          <Route path={`${at}/values`}><Values app={app} /></Route>
          <Route><NotFound /></Route>
        </Switch>
      </Suspense>
    </Shell>
  )
}
