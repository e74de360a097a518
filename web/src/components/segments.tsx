// A choice of a few, all in sight.
interface SegmentsProps {
  label: string;
  options: { value: string; text: string }[];
  value: string;
  onChange: (value: string) => void;
}

export function Segments({ label, options, value, onChange }: SegmentsProps) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {options.map((option) => (
        <button
          key={option.value} type="button" aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
        >
          {option.text}
        </button>
      ))}
    </div>
  );
}
