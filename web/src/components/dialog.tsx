// A modal dialog (the browser's own: it keeps the focus inside and gives it back, Escape closes it).
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Icon } from "./icon";
import { Notices, openDialogs } from "./notice";

interface DialogProps {
  title: ComponentChildren;
  onClose: () => void;
  /** A drawer on the right instead of a box in the middle. */
  drawer?: boolean;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, drawer = false, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  const ended = useRef(false);
  const [depth, setDepth] = useState(-1);
  useEffect(() => {
    const dialog = element.current;
    if (!dialog) return undefined;
    const before = document.activeElement;
    dialog.showModal();
    openDialogs.set(openDialogs.get() + 1);
    setDepth(openDialogs.get());
    return () => {
      ended.current = true;
      openDialogs.set(openDialogs.get() - 1);
      dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={drawer ? "drawer" : "box"}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClose={() => {
        // The browser may close it without asking (Escape twice); our own closing comes here, too.
        if (!ended.current) onClose();
      }}
      onClick={(event) => {
        if (event.target === element.current) onClose();
      }}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={id}>{title}</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
      <Notices depth={depth} />
    </dialog>
  );
}
