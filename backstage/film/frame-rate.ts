// Frame rates as fractions, and how many frames a segment has: the same for every rendition, so that all of them may be cut at the same frames and
// one that was broken off goes on at the next. Pure.

export interface Rate {
  num: number
  den: number
}

/** Of a segment, in seconds; one lasts this long, and up to a frame more. */
export const SEGMENT_SECONDS = 6

const COMMON: readonly Rate[] = [
  { num: 24000, den: 1001 }, { num: 24, den: 1 }, { num: 25, den: 1 }, { num: 30000, den: 1001 }, { num: 30, den: 1 },
  { num: 48, den: 1 }, { num: 50, den: 1 }, { num: 60000, den: 1001 }, { num: 60, den: 1 }
]
const FASTEST = 60.5

/** ffprobe's average rate, else its guess, snapped to the common rate it means; halved until it is one that players take; 25 where nothing is said. */
export function rateOf (average: string | undefined, guessed: string | undefined): Rate {
  const found = parseRate(average) ?? parseRate(guessed) ?? { num: 25, den: 1 }
  let { num, den } = found
  while (num / den > FASTEST) den *= 2
  const common = COMMON.find((each) => Math.abs(each.num / each.den * den / num - 1) < 0.0004)
  return common ?? { num, den }
}

function parseRate (text: string | undefined): Rate | null {
  const match = /^(\d+)\/(\d+)$/.exec(text ?? '')
  const [num, den] = [Number(match?.[1]), Number(match?.[2])]
  return num > 0 && den > 0 ? { num, den } : null
}

export function framesASegment ({ num, den }: Rate): number {
  return Math.max(1, Math.ceil(SEGMENT_SECONDS * num / den - 1e-9))
}

/** Seconds from the film's start to the first frame of a segment. */
export function startOf (segment: number, rate: Rate): number {
  return segment * framesASegment(rate) * rate.den / rate.num
}

/** What is left of `seconds` beside whole frames; 0 for what is nearly a whole one. */
export function phaseOf (seconds: number, { num, den }: Rate): number {
  const frames = seconds * num / den
  const rest = frames - Math.floor(frames)
  return Number.isFinite(rest) && rest > 0.02 && rest < 0.98 ? rest * den / num : 0
}

/** As `23.976`, of EXT-X-STREAM-INF. */
export function rateText ({ num, den }: Rate): string {
  return (num / den).toFixed(3)
}
