/** How often a test asks at random: as often as it says within `npm test`, several times as often in the larger suites. */
export const repeated = (times: number): number => times * Number(process.env.LAPWING_TEST_REPEAT ?? 1)
