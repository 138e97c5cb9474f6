// One of vitest's projects run by a larger suite, with what its servers are called in the environment.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Counts {
  passed: number
  failed: number
  skipped: number
}

export const runProject = async (
  project: string,
  env: Readonly<Record<string, string>>,
  files: readonly string[] = [],
): Promise<Counts> => {
  const directory = mkdtempSync(join(tmpdir(), 'lapwing-results-'))
  const report = join(directory, 'report.json')
  try {
    // Not synchronously: this process may drain what servers write of their errors, and one whose pipe is full stands still.
    const run = spawn(
      'npx',
      [
        '--no-install',
        'vitest',
        'run',
        '--no-color',
        '--project',
        project,
        '--no-file-parallelism',
        '--reporter=dot',
        '--reporter=json',
        `--outputFile.json=${report}`,
        ...files,
      ],
      { stdio: 'inherit', env: { ...process.env, ...env } },
    )
    const [status] = (await once(run, 'exit')) as [number | null]
    const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8')) as Record<string, number>
    // A file that fails to load has no failed test of its own.
    return { passed: numPassedTests, failed: status === 0 ? 0 : Math.max(1, numFailedTests), skipped: numPendingTests }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
