export * from './attend.ts';
export * from './member.ts';
export * from './roll.ts';
