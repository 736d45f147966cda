/** What holds something unsaved, and asks before it is left (`ui/Leave.svelte`). */

type Asker = () => Promise<boolean>
const askers = new Set<Asker>()

/** Be asked before it is left; returns how to stop. */
export function holds(ask: Asker): () => void {
  askers.add(ask)
  return () => askers.delete(ask)
}

/** May what the page shows give way to something else? To be awaited where no address changes. */
export async function mayLeave(): Promise<boolean> {
  for (const ask of askers) if (!(await ask())) return false
  return true
}
