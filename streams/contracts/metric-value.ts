// What the value of a metric is: the same where it is judged and where it is shown.

/** True where the value of a bucket is its count; other metrics are the mean of their values. */
export const isCount = (metric: string): boolean => metric.startsWith('log.') || metric === 'alert.count'
