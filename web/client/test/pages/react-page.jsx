import { CuelightProvider, useCueEvent, useCueQuery, useCueStatus, useCuelight } from '@cuelight/react'
import { useCueInvalidate } from '@cuelight/react/query'
import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query'
import { StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'

const load = () => fetch('/orders').then((response) => {
  if (!response.ok) throw new Error(`status ${response.status}`)
  return response.json()
})

function Orders({ id }) {
  const { data, error, isStale, refresh } = useCueQuery('orders', load, { on: ['refresh-orders', 'other'] })
  return (
    <section id={id} data-stale={isStale}>
      <ul>{data?.map((order) => <li key={order.id}>{order.text}</li>)}</ul>
      <p>{error?.message}</p>
      <input name="note" />
      <button onClick={refresh}>again</button>
    </section>
  )
}

function Invalidated() {
  useCueInvalidate('refresh-orders', ['tanstack'])
  const { data } = useQuery({ queryKey: ['tanstack'], queryFn: () => fetch('/tanstack').then((r) => r.text()), staleTime: Infinity })
  return <b id="tanstack">{data}</b>
}

function Log() {
  const [count, setCount] = useState(0)
  const cuelight = useCuelight()
  useCueEvent('say', (message, event) => {
    window.calls.push([count, message, event])
    setCount(count + 1)
  })
  return <p id="log" onClick={() => cuelight.send('add', 1).then((answer) => window.calls.push(answer))}>{count}</p>
}

const Status = () => <i id="status">{useCueStatus()}</i>

function App() {
  const [shown, show] = useState(true)
  const [session, login] = useState(undefined)
  const [here, stay] = useState(true)
  if (!here) return null
  return (
    <CuelightProvider url={location.origin} app="shop" session={location.pathname === '/asked' ? () => Promise.resolve('asked') : session}>
      <Status />
      <button id="toggle" onClick={() => show(!shown)}>toggle</button>
      <button id="login" onClick={() => login('s1')}>login</button>
      <button id="leave" onClick={() => stay(false)}>leave</button>
      {shown && <Log />}
      <Orders id="one" />
      {shown && <Orders id="two" />}
      {location.pathname === '/query' && <Invalidated />}
    </CuelightProvider>
  )
}

window.calls = []
createRoot(document.getElementById('root')).render(
  <StrictMode><QueryClientProvider client={new QueryClient()}><App /></QueryClientProvider></StrictMode>,
)
