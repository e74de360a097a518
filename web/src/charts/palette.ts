// Colours of the canvases, from the custom properties of styles/tokens.css.

const lines = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5", "--series-6"];

export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The colour of the metric at a place of the declaration. */
export function seriesColour(index: number): string {
  return token(lines[index % lines.length] ?? "--series-1");
}

/** A colour with another opacity; colours are `#rrggbb`. */
export function faded(colour: string, opacity: number): string {
  const alpha = Math.round(opacity * 255).toString(16).padStart(2, "0");
  return /^#[0-9a-f]{6}$/i.test(colour) ? colour + alpha : colour;
}
