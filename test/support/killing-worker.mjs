// The product's own decode worker, but a body that says so takes the whole process with it, as a fault in native code would.
import run from '../../analytics/pool/worker.ts'

export default (input) => {
  for (const { body } of input.messages) {
    const text = Buffer.from(body).toString('latin1')
    if (text.includes('KILL THE PROCESS')) process.kill(process.pid, 'SIGKILL')
    if (text.includes('TAKE ALL MEMORY')) for (const held = []; ;) held.push(Buffer.alloc(64 * 1024 * 1024, 1))
    if (text.includes('HANG')) for (;;);
  }
  return run(input)
}
