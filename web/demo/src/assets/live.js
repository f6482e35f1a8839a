/** Says in the bar at the top whether the page is connected. */
export function showStatus() {
  const say = () => (document.getElementById('live').textContent = window.cuelight.status)
  document.addEventListener('cuelight:status', say)
  say()
}
