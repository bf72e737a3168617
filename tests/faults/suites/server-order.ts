import { deflateSync } from 'node:zlib'
import { Transport } from '../../../packages/emulator/src/noise/transport.ts'
import type { Suite } from '../runner/suite.ts'
import { Talk } from '../runner/talk.ts'
import { Trial } from '../runner/trial.ts'

const MAX = '491234567890'
const AT_ONCE = 100
const [PLAIN, COMPRESSED] = [0, 2]

/** S5: what comes in order is told in order, though a compressed frame takes longer to read than the one behind it. */
export const serverOrder: Suite = {
  name: 'server-order',
  about: 'Messages come one behind the other, half of them in compressed frames: 100 for each kill that is asked for.',
  kills: 100,
  short: 3,
  fails: { 'frames-at-once': { kills: 3 } },
  async run(run) {
    const trial = await Trial.open(run)
    await trial.link()
    const talk = new Talk(trial)
    const max = trial.emulator.contact(MAX, { name: 'Max' })
    await talk.isTold(await talk.hears(max, 'vorher'))
    const random = run.random.fork()
    // The network compresses nothing by itself.
    const { seal } = Transport.prototype
    Transport.prototype.seal = function (this: Transport, plain: Uint8Array) {
      if (plain[0] !== PLAIN || random.chance(0.5)) return seal.call(this, plain)
      run.report.count('compressed')
      return seal.call(this, Buffer.concat([Buffer.from([COMPRESSED]), deflateSync(plain.subarray(1))]))
    }
    run.defer(async () => {
      Transport.prototype.seal = seal
    })
    for (let burst = 0; burst < run.kills && !talk.isHopeless; burst++) {
      const texts = Array.from(
        { length: AT_ONCE },
        (_, index) => `${burst}.${index} ${'lang '.repeat(random.below(200))}`,
      )
      const { ids } = await max.saysAll(talk.phone.phone, texts)
      ids.forEach((id, index) => {
        talk.written.push({ id, event: 'message', line: MAX, author: MAX, text: texts[index] ?? '', kind: 'direct' })
      })
      await talk.isTold(ids.at(-1) ?? '')
    }
    await talk.ends()
    talk.check(await trial.books(), [max])
  },
}
