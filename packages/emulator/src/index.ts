export {
  type AboutOptions,
  type Contact,
  type ContactOptions,
  type Emulator,
  type Person,
  type Phone,
  PRIVACY_VALUES,
  type PrivacyValue,
  type SayOptions,
  type TlsEndpoint,
} from './api.ts'
export type { Group, GroupOptions, GroupSettings, MemberOutcome } from './api-group.ts'
export type { Media } from './api-media.ts'
export {
  type Additions,
  type AlbumContent,
  ANSWERS,
  type Answer,
  type AudioContent,
  type CardContent,
  type Content,
  type ContentBody,
  type DocumentContent,
  type EventContent,
  type FileContent,
  type ImageContent,
  type LocationContent,
  type MediaContent,
  type PollContent,
  type RawContent,
  type StickerContent,
  type TextContent,
  type VideoContent,
} from './content/content.ts'
export { createEmulator } from './emulator.ts'
export {
  CERTIFICATE_FLAWS,
  type CertificateFlaw,
  type ConnectAnswer,
  DIRECTIONS,
  type Direction,
  type Fault,
  type Faults,
  type KeyFaults,
  KICK_REASONS,
  type KickReason,
  type Line,
  type LoginRefusal,
  MALFORMED_KINDS,
  type MalformedKind,
  NACK_TREATMENTS,
  type NackTreatment,
  type StanzaFaults,
  type Timelock,
  type Where,
} from './faults.ts'
export { MEDIA_KINDS, type MediaKind } from './media/cipher.ts'
export type { MediaFault } from './media/faults.ts'
export type { MediaFile, Placed, PlacedMedia } from './media/library.ts'
export type { EmulatorOptions } from './options.ts'
export type { PastMessage, SharedState, Shown } from './shared-state.ts'
export type { XmlLogOptions } from './stanza-log.ts'
export { type TrustOptions, trustEmulator } from './trust.ts'
export type { UnknownStanza } from './unknown.ts'
export { BEHAVIOURS, type Behaviour, type Reply } from './world/accounts.ts'
export type { StateAction, StateChange } from './world/app-state.ts'
export { PRIVACY_NAMES, type PrivacyName } from './world/circle.ts'
export type { Alarm, Clock, ClockOptions } from './world/clock.ts'
export type { Events, Happening, NetworkEvent, SinceOptions } from './world/events.ts'
export type { Space } from './world/jids.ts'
export { type Linked, LinkingError } from './world/linking-error.ts'
export type { Heard, Matcher } from './world/mailbox.ts'
export type { Script } from './world/manners.ts'
export type { ChatState } from './world/sightings.ts'
export { PatienceError, type WaitOptions } from './world/waiting.ts'
