import {
  type CertificateAuthority,
  type CertificateSigningRequest,
  CertificateSigningRequests,
  type Context,
  type Controller,
  controller,
  findCondition,
  isStatus,
  type Requeue,
  source,
  timestamp,
} from 'orlop/plugin';
import { removalTime } from './cleaner.ts';
import type { CertificatesConfig } from './config.ts';
import { readRequest } from './request.ts';
import { SIGNERS } from './signers.ts';

type Needs = Pick<Context<CertificatesConfig>, 'objects' | 'log' | 'signal' | 'config'> & {
  services: { ca: CertificateAuthority };
};

/** Reconciles certificate requests by name: signs what is approved, removes what is done with. */
export function run(ctx: Needs): Controller {
  const { objects, config } = ctx;
  const { ca } = ctx.services;

  async function reconcile(name: string): Promise<Requeue | undefined> {
    const found = (await objects.get(CertificateSigningRequests, { name }, { revision: 0 }))?.value;
    if (!found) return undefined;
    const request = (await signed(found)) ?? found;
    const due = removalTime(request);
    if (due === undefined) return undefined;
    if (due > Date.now()) return { after: Math.min(due - Date.now(), 0x7fff_ffff) };
    await remove(request);
    return undefined;
  }

  async function remove({ metadata }: CertificateSigningRequest): Promise<void> {
    try {
      await objects.delete(
        CertificateSigningRequests,
        { name: metadata?.name ?? '' },
        { uid: metadata?.uid },
      );
    } catch (error) {
      if (!isStatus(error, 'NotFound') && !isStatus(error, 'Conflict')) throw error;
    }
  }

  /** The request with its certificate, or with why there is none; `undefined` when there is nothing to do. */
  async function signed(request: CertificateSigningRequest): Promise<CertificateSigningRequest | undefined> {
    const { spec, status } = request;
    const signerName = spec?.signerName ?? '';
    const isDecided = status?.certificate || findCondition(status?.conditions, 'Failed');
    if (isDecided || !findCondition(status?.conditions, 'Approved') || !Object.hasOwn(SIGNERS, signerName)) {
      return undefined;
    }
    const pem = Buffer.from(spec?.request ?? '', 'base64').toString();
    const usages = spec?.usages ?? [];
    try {
      const wrong = SIGNERS[signerName]!(await readRequest(pem), usages);
      if (wrong !== undefined) return await fail(request, wrong);
    } catch (error) {
      return fail(request, `unable to parse csr "${request.metadata?.name}": ${(error as Error).message}`);
    }
    const longest = config.signingSeconds;
    const expirationSeconds = Math.min(spec?.expirationSeconds ?? longest, longest);
    try {
      const certificate = await ca.sign({ request: pem, usages, expirationSeconds });
      return await update(request, (draft) => {
        draft.status = { ...draft.status, certificate: Buffer.from(certificate).toString('base64') };
      });
    } catch (error) {
      if (isStatus(error, 'Invalid')) return fail(request, error.message);
      throw error;
    }
  }

  function fail(request: CertificateSigningRequest, message: string): Promise<CertificateSigningRequest> {
    const now = timestamp();
    const times = { lastUpdateTime: now, lastTransitionTime: now };
    const condition = {
      type: 'Failed',
      status: 'True',
      reason: 'SignerValidationFailure',
      message,
      ...times,
    };
    return update(request, (draft) => {
      draft.status = { ...draft.status, conditions: [...(draft.status?.conditions ?? []), condition] };
    });
  }

  async function update(
    { metadata }: CertificateSigningRequest,
    change: (draft: CertificateSigningRequest) => void,
  ): Promise<CertificateSigningRequest> {
    const stored = await objects.modify(
      CertificateSigningRequests,
      { name: metadata?.name ?? '' },
      (draft) => {
        if (draft.metadata?.uid !== metadata?.uid) return false;
        change(draft);
        return true;
      },
    );
    return stored.value;
  }

  return controller(ctx, { sources: [source(ctx, CertificateSigningRequests)], reconcile });
}
