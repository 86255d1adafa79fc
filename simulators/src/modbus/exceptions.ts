/** Application Protocol v1.1b3, 7. */
export const exceptions = {
  illegalFunction: 1,
  illegalDataAddress: 2,
  illegalDataValue: 3,
  gatewayTargetFailedToRespond: 11,
} as const;
