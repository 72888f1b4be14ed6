// The element <azulejo-chat>.

export {};
