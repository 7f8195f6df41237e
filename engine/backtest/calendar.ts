export const dayMs = 86_400_000

export interface YearMonth {
  readonly year: number
  /** 1-12. */
  readonly month: number
}

/** The UTC month an instant lies in, by the civil-from-days algorithm (H. Hinnant, chrono-Compatible Low-Level Date Algorithms). */
export function monthOf(time: number): YearMonth {
  const days = Math.floor(time / dayMs) + 719_468
  const era = Math.floor(days / 146_097)
  const ofEra = days - era * 146_097
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  )
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shifted = Math.floor((5 * ofYear + 2) / 153)
  const month = shifted < 10 ? shifted + 3 : shifted - 9
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month }
}

/** Epoch ms of the first instant of a UTC month; `month` may run past 12. */
export function monthStart(year: number, month: number): number {
  const wholeYear = year + Math.floor((month - 1) / 12)
  const ofYear = ((((month - 1) % 12) + 12) % 12) + 1
  const shiftedYear = ofYear <= 2 ? wholeYear - 1 : wholeYear
  const era = Math.floor(shiftedYear / 400)
  const yearOfEra = shiftedYear - era * 400
  const days = Math.floor((153 * (ofYear + (ofYear > 2 ? -3 : 9)) + 2) / 5)
  const ofEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + days
  return (era * 146_097 + ofEra - 719_468) * dayMs
}

const lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

function daysIn(year: number, month: number): number {
  if (month !== 2) return lengths[month - 1]
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
}

const names = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `Jan 2023`. */
export const monthLabel = ({ year, month }: YearMonth): string => `${names[month - 1]} ${year}`

/** The same day and time `months` later (UTC), or the last day of that month where it has no such day. */
export function addMonths(time: number, months: number): number {
  const { year, month } = monthOf(time)
  const intoMonth = time - monthStart(year, month)
  const start = monthStart(year, month + months)
  const landed = monthOf(start)
  const day = Math.min(Math.floor(intoMonth / dayMs), daysIn(landed.year, landed.month) - 1)
  return start + day * dayMs + (intoMonth % dayMs)
}

/** `2023-01-31`. */
export function dayLabel(time: number): string {
  const { year, month } = monthOf(time)
  const day = Math.floor((time - monthStart(year, month)) / dayMs) + 1
  const two = (part: number): string => String(part).padStart(2, '0')
  return `${year}-${two(month)}-${two(day)}`
}
