import { child, children, el, textOf } from '../stream/nodes.ts'
import { setAbout, setDisappearing } from '../world/profile.ts'
import type { World } from '../world/world.ts'
import type { Subject } from './registry.ts'

/** An account's about text and its new chats, the server's switches, and what businesses and bots would have. */
export function profile(world: World): Subject {
  const props = Object.entries(world.options.abProps)
  return {
    iqs: {
      'abt get props': () => {
        const attrs = { hash: 'emulator', refresh: 86_400, ab_key: 'emulator', protocol: 1 }
        return [
          el(
            'props',
            attrs,
            props.map(([config_code, config_value]) => el('prop', { config_code, config_value })),
          ),
        ]
      },
      'w get props': () => [el('props', { hash: 'emulator', refresh: 86_400, protocol: 2 }, [])],
      'disappearing_mode get': ({ phone }) => {
        const { disappearing = 0, disappearingAt = 0 } = world.accounts.require(phone).settings
        return [el('disappearing_mode', { duration: disappearing, t: disappearingAt })]
      },
      'disappearing_mode set disappearing_mode': ({ phone, device }, iq) => {
        setDisappearing(world, phone, Number(child(iq, 'disappearing_mode')?.attrs.duration ?? 0), device)
        return []
      },
      'status set status': ({ phone }, iq) => {
        setAbout(world, phone, textOf(child(iq, 'status')))
        return []
      },
      'w:biz get': (_login, iq) => children(iq).map(({ tag }) => el(tag)),
      'bot get': () => [el('bot', { v: '2' })],
    },
  }
}
