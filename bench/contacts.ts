/** To whom, one message each at a time: more than one of a chat, or four in all, wamux never lets on the wire. */
export const CONTACTS = ['491234567890', '491234567891', '491234567892', '491234567893']
