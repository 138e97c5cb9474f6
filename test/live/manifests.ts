// The manifests in deploy/ against the schemas of those who read them: Kubernetes' and the compose specification's, by checkers from PyPI.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LiveSuite } from './checks.ts'
import { findPythonPackages, runStep } from './program.ts'

const packages = ['kubernetes-validate==1.37.0', 'check-jsonschema==0.39.0']
const deploy = fileURLToPath(new URL('../../deploy', import.meta.url))

export const manifests: LiveSuite = {
  name: 'Manifests',
  run: async (checks) => {
    const found = findPythonPackages('manifest-checkers', packages, 'kubernetes_validate')
    if (!found.ok) {
      checks.skip('schemas of Kubernetes and compose', found.reason)
      return
    }
    const check = (fact: string, program: string, args: readonly string[]): Promise<boolean> =>
      checks.check(fact, async () => {
        // By its interpreter: the environment was moved since its programs were written.
        const run = runStep(join(found.client, 'bin/python'), [join(found.client, 'bin', program), ...args], { timeoutMs: 60_000 })
        if (!run.ok) throw new Error(run.reason)
      })
    for (const file of readdirSync(join(deploy, 'kubernetes')))
      await check(`deploy/kubernetes/${file} is what Kubernetes takes`, 'kubernetes-validate', [
        '--strict',
        join(deploy, 'kubernetes', file),
      ])
    await check('deploy/compose.yaml is what the compose specification says', 'check-jsonschema', [
      '--builtin-schema',
      'vendor.compose-spec',
      join(deploy, 'compose.yaml'),
    ])
  },
}
