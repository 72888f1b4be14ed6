// The pictures on buttons; the words beside them, or hidden with them, say what they mean.

const SHAPES = {
  speech: "M4 5h16v11H10l-5 4v-4H4z",
  close: "M6 6l12 12M18 6L6 18",
  send: "M4 12h15M13 6l6 6-6 6",
  stop: "M5 5h14v14H5z",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 20c1-4 4-6 8-6s7 2 8 6",
  out: "M9 5H5v14h14v-4M13 5h6v6M19 5l-9 9",
  warning: "M12 4l9 16H3zM12 10v5M12 17.5v.5",
  phone: "M6 4h4l2 5-3 2a11 11 0 0 0 4 4l2-3 5 2v4c0 1-1 2-2 2C11 20 4 13 4 6c0-1 1-2 2-2z",
  down: "M12 5v14M6 13l6 6 6-6",
} as const;

export function Icon({ name }: { name: keyof typeof SHAPES }) {
  return (
    <svg class={name === "stop" ? "icon full" : "icon"} viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false">
      <path d={SHAPES[name]} />
    </svg>
  );
}
