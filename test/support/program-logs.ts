// Messages as well-known programs write them (sshd, HDFS, Spark, Apache, PostgreSQL, Kubernetes, logfmt, JSON), each from a
// template of its own. Written before their patterns were looked at.
import { createRandom, type Labelled } from './template-logs.ts'

export const programLogs = (records: number, seed: number): Labelled[] => {
  const below = createRandom(seed)
  const pick = (...list: string[]): string => list[below(list.length)]
  const ip = (): string => Array.from({ length: 4 }, () => below(256)).join('.')
  const host = (): string => pick(`ns${below(9)}.example.com`, 'mail.acme.org', ip(), 'localhost', 'node-a.cluster.local', 'proxy.corp')
  const user = (): string => pick('root', 'admin', 'oracle', 'test', 'guest', 'webmaster', 'pi', 'ubuntu')
  const block = (): string => `blk_${pick('-', '')}${1 + below(1e9)}${below(1e9)}`
  const part = (): string => pick('web', 'api', 'jobs', 'cache', 'auth')
  const kind = (): string => pick('pod', 'node', 'job', 'cronjob', 'pvc')
  const date = (): string =>
    `${pick('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun')} ${pick('Jan', 'Feb', 'Mar', 'Jun', 'Dec')} ${10 + below(18)} 04:${10 + below(49)}:44 2005`
  const time = (): string => `2026-03-0${1 + below(8)}T10:00:00Z`
  const route = (): string => `/${pick('cart', 'pay', 'user', 'item', 'faq')}`
  const templates: (() => string)[] = [
    () => `Failed password for invalid user ${user()} from ${ip()} port ${below(60_000)} ssh2`,
    () => `Failed password for ${user()} from ${ip()} port ${below(60_000)} ssh2`,
    () => `Accepted password for ${user()} from ${ip()} port ${below(60_000)} ssh2`,
    () => `Connection closed by ${ip()} [preauth]`,
    () => `pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=${host()}`,
    () => `pam_unix(sshd:session): session opened for user ${user()} by (uid=${below(3)})`,
    () => `pam_unix(sshd:session): session closed for user ${user()}`,
    () => `Received block ${block()} of size ${below(1e8)} from /${ip()}`,
    () => `PacketResponder ${below(3)} for block ${block()} terminating`,
    () => `BLOCK* NameSystem.addStoredBlock: blockMap updated: ${ip()}:50010 is added to ${block()} size ${below(1e8)}`,
    () => `Verification succeeded for ${block()}`,
    () => `Running task ${below(300)}.0 in stage ${below(20)}.0 (TID ${below(9999)})`,
    () => `Finished task ${below(300)}.0 in stage ${below(20)}.0 (TID ${below(9999)}). ${below(4000)} bytes result sent to driver`,
    () => `Found block rdd_${below(40)}_${below(40)} locally`,
    () =>
      `Block broadcast_${below(40)} stored as values in memory (estimated size ${(below(1000) / 10).toFixed(1)} KB, free ${(below(1000) / 10).toFixed(1)} KB)`,
    () => `[${date()}] [error] mod_jk child workerEnv in error state ${below(9)}`,
    () => `[${date()}] [notice] jk2_init() Found child ${below(9999)} in scoreboard slot ${below(12)}`,
    () =>
      `${ip()} - - [${10 + below(18)}/${pick('Jan', 'Oct', 'May')}/2000:13:55:36 -0700] "GET ${route()}.html HTTP/1.1" ${pick('200', '304', '404')} ${below(9999)}`,
    () => `time="${time()}" level=warning msg="reconciler error" controller=${kind()} name=${user()} attempt=${below(9)}`,
    () => `time="${time()}" level=info msg="Reconciling object" controller=${kind()} name=${user()}`,
    () =>
      `{"ts":${1 + below(1e9)}.${below(999)},"lvl":"info","message":"request completed","route":"${route()}","status":${pick('200', '201', '404', '500')},"tags":[${Array.from({ length: 1 + below(4) }, () => '"x"').join(',')}]}`,
    () =>
      `{"ts":${1 + below(1e9)}.${below(999)},"lvl":"error","message":"request failed: timeout after ${below(999)}ms","route":"${route()}"}`,
    () =>
      `java.lang.NullPointerException: Cannot invoke "${pick('Cart', 'User', 'Order', 'Item')}.getId()" because "<local${below(9)}>" is null`,
    () =>
      `org.postgresql.util.PSQLException: ERROR: duplicate key value violates unique constraint "${pick('users', 'orders', 'items')}_pkey"`,
    () =>
      `Kafka consumer group ${pick('billing', 'search', 'mailer', 'audit', 'fraud')}-v${below(4)} rebalanced in ${below(5000)} ms, generation ${below(200)}`,
    () => `Started ${pick('Daily apt download activities', `Session ${below(99)} of user root`, 'Cleanup of Temporary Directories')}.`,
    () => `GC pause (G1 Evacuation Pause) (young) ${below(900)}M->${below(300)}M(2048M) ${(below(900) / 10).toFixed(3)}ms`,
    () =>
      `upstream timed out (110: Connection timed out) while reading response header from upstream, client: ${ip()}, server: ${host()}, request: "GET ${route()} HTTP/1.1"`,
    () => `Scaled up replica set ${part()}-${below(99)}f${below(9)}d8${below(99)}b to ${below(9)}`,
    () => `Back-off restarting failed container ${part()} in pod ${part()}-7d9f8b6c5-x${below(9)}k${below(9)}z`,
  ]
  return Array.from({ length: records }, () => {
    const template = below(templates.length)
    return { service: 'program', severity: 9, template, text: templates[template]() }
  })
}
