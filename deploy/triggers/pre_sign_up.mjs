// An example: people of one company are users at once, all others are refused.
export const handler = async (event) => {
  const email = event.request.userAttributes.email ?? "";
  if (!email.endsWith("@example.com")) throw new Error("Only for people of example.com");
  event.response.autoConfirmUser = true;
  return event;
};
