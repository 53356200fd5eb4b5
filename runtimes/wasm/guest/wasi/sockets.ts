import { WasiError } from './io.ts';

class Unavailable {}

const denied = (): never => {
  throw new WasiError('access-denied');
};

/** wasi:sockets: no guest opens sockets of its own. */
export const sockets: Record<string, object> = {
  'wasi:sockets/instance-network': { instanceNetwork: () => new Unavailable() },
  'wasi:sockets/network': { Network: Unavailable, networkErrorCode: () => undefined },
  'wasi:sockets/ip-name-lookup': { resolveAddresses: denied, ResolveAddressStream: Unavailable },
  'wasi:sockets/tcp': { TcpSocket: Unavailable },
  'wasi:sockets/tcp-create-socket': { createTcpSocket: denied },
  'wasi:sockets/udp': {
    UdpSocket: Unavailable,
    IncomingDatagramStream: Unavailable,
    OutgoingDatagramStream: Unavailable,
  },
  'wasi:sockets/udp-create-socket': { createUdpSocket: denied },
};
