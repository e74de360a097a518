// Short messages at the lower edge about what was done or failed; read out, gone after a while.
import { Store, useStore } from "../state/store";

interface Notice {
  id: number;
  text: string;
  bad: boolean;
}

const notices = new Store<Notice[]>([]);
let nextId = 1;

export function notify(text: string, bad = false): void {
  const notice = { id: nextId, text, bad };
  nextId += 1;
  notices.set([...notices.get().slice(-3), notice]);
  window.setTimeout(
    () => notices.set(notices.get().filter((other) => other.id !== notice.id)),
    bad ? 12_000 : 6_000,
  );
}

/** Runs what a button asks for; its failure is told. */
export async function attempt(work: () => Promise<string>): Promise<boolean> {
  try {
    notify(await work());
    return true;
  } catch (error) {
    notify(error instanceof Error ? error.message : String(error), true);
    return false;
  }
}

/** How many dialogs are open: a modal one makes everything outside it mute. */
export const openDialogs = new Store<number>(0);

/** `depth`: the number of open dialogs when this place is the topmost. */
export function Notices({ depth }: { depth: number }) {
  const shown = useStore(notices);
  if (useStore(openDialogs) !== depth) return null;
  return (
    <div class="notices" role="status" aria-live="polite">
      {shown.map((notice) => (
        <p key={notice.id} class={notice.bad ? "notice bad" : "notice"}>{notice.text}</p>
      ))}
    </div>
  );
}
