/** How often a test asks at random, and for how long it may: what it says within `npm test`, several times as much in the larger suites. */
export const repeated = (times: number): number => times * Number(process.env.LAPWING_TEST_REPEAT ?? 1)
