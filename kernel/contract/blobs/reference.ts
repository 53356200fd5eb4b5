const REFERENCE = /\bblob:(sha256-[0-9a-f]{64})\b/g;

/** How objects refer to a blob: `blob:sha256-...`. */
export function blobReference(digest: string): string {
  return `blob:${digest}`;
}

/** Whether the whole text is one reference. */
export function isBlobReference(text: string): boolean {
  const [digest] = referredBlobs(text);
  return digest !== undefined && text === blobReference(digest);
}

/** The digests a text refers to. */
export function referredBlobs(text: string): string[] {
  return [...text.matchAll(REFERENCE)].map((match) => match[1]!);
}
