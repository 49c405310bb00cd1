// What is run of many cases: all of them with `cargo xtask test --thorough`, else some, others with each commit.

/** Whether everything is run. */
export const thorough = process.env.VOUCHSAFE_THOROUGH === "1";

/** `count` of the cases, or all. They follow one another, so that as many commits as there are cases try each of them. */
export function sample(cases, count) {
  if (thorough) return cases;
  const first = Number(process.env.VOUCHSAFE_SAMPLE ?? 0);
  return Array.from({ length: Math.min(count, cases.length) }, (_, index) => cases[(first + index) % cases.length]);
}
