// Line icons on a 20 × 20 grid, drawn for this page. They decorate; the words beside them say it.
const paths = {
  overview: "M3 11h5V3H3zM12 17h5V9h-5zM3 17h5v-3H3zM12 6h5V3h-5z",
  fleet: "M3 3h4v4H3zM8 3h4v4H8zM13 3h4v4h-4zM3 8h4v4H3zM8 8h4v4H8zM13 8h4v4h-4zM3 13h4v4H3zM8 13h4v4H8z",
  alerts: "M10 3a4.5 4.5 0 0 1 4.5 4.5c0 4 1.5 5.5 1.5 5.5H4s1.5-1.5 1.5-5.5A4.5 4.5 0 0 1 10 3zM8 15.5a2 2 0 0 0 4 0",
  letters: "M3 5h14v10H3zM3 5.5l7 5 7-5M7.5 15l5-5M7.5 10l5 5",
  deliveries: "M17.5 2.5l-7 15-2.5-6.5L1.5 8.5zM8 11l4-4",
  pipeline: "M2 10h4M14 10h4M6 6.5h8v7H6zM9 10h2M4 7.5l2.5 2.5L4 12.5",
  sun: "M10 6.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zM10 2v2M10 16v2M2 10h2M16 10h2M4.3 4.3l1.4 1.4M14.3 14.3l1.4 1.4M4.3 15.7l1.4-1.4M14.3 5.7l1.4-1.4",
  moon: "M15.5 12.5A6.5 6.5 0 0 1 7.5 4.5a6.5 6.5 0 1 0 8 8z",
  auto: "M10 3a7 7 0 1 0 0 14zM10 3a7 7 0 0 1 0 14",
  keyboard: "M2.5 5.5h15v9h-15zM5 8.5h.5M8 8.5h.5M11 8.5h.5M14 8.5h.5M6.5 11.5h7",
  clock: "M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM10 6v4l3 2",
  zoomOut: "M8.5 3.5a5 5 0 1 1 0 10 5 5 0 0 1 0-10zM12.3 12.3L17 17M6.3 8.5h4.4",
  download: "M10 3v9M6.5 8.5L10 12l3.5-3.5M4 16h12",
  table: "M3 4h14v12H3zM3 8h14M3 12h14M8 4v12",
  close: "M5 5l10 10M15 5L5 15",
  search: "M8.5 3.5a5 5 0 1 1 0 10 5 5 0 0 1 0-10zM12.3 12.3L17 17",
  pause: "M7 5v10M13 5v10",
  play: "M7 5l8 5-8 5z",
  user: "M10 4a3 3 0 1 1 0 6 3 3 0 0 1 0-6zM4 17c.5-3.5 3-5 6-5s5.5 1.5 6 5",
  replay: "M4 10a6 6 0 1 1 2 4.5M4 15v-4h4",
  quiet: "M10 3a4.5 4.5 0 0 1 4.5 4.5c0 4 1.5 5.5 1.5 5.5H4s1.5-1.5 1.5-5.5A4.5 4.5 0 0 1 10 3zM3 3l14 14",
  check: "M4 10.5l4 4 8-9",
  back: "M12 4l-6 6 6 6",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
